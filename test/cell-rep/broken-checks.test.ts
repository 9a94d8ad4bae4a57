import t from 'tap';
import { createWorld, startRep } from '../support/rep.js';
import { desiredLrp, pendingTask, runAction } from '../support/lrps.js';

const BROKEN = 'the engine said something unheard of';

t.test('rep - a check that cannot be run at all ends the instance, and nothing else', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp({ monitor: runAction({ path: '/bin/check' }) }));
  const rep = await startRep(world);
  world.runtime.onRun = ({ id }) => {
    if (id.startsWith('monitor')) throw new Error(BROKEN);
  };
  rep.workLrp();
  await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash app.0')), 'told');
  await rep.until(() => world.runtime.containers.size === 0, 'taken away');
  // whatever still watched it would be heard of by now
  const calls = world.bbs.calls.filter((call) => !call.startsWith('lease')).length;
  await world.clock.advance(120_000);
  t.equal(world.bbs.calls.filter((call) => !call.startsWith('lease')).length, calls);
  t.equal(world.logger.named('rep.ordinary-lrp-processor.container-life-failed').length, 1);
  await rep.stop();
});

t.test('rep - a task that cannot be run at all has failed, and is taken away', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set('task', pendingTask());
  const rep = await startRep(world);
  world.runtime.onRun = () => {
    throw new Error(BROKEN);
  };
  rep.workTask();
  await rep.until(() => world.bbs.completions.length === 1, 'told');
  t.match(world.bbs.completions, [{ taskGuid: 'task', failed: true, failureReason: 'internal error' }]);
  await rep.until(() => world.runtime.containers.size === 0, 'taken away');
  await rep.until(() => rep.rep.cell.state().taskCount === 0, 'its room is free');
  await rep.stop();
});
