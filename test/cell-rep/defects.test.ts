/** What a defect, a full disk or a moment's fault must not cost: rooms, rows, files. */
import t from 'tap';
import { createWorld, startRep } from '../support/rep.js';
import { desiredLrp } from '../support/lrps.js';

t.test('lrp - whose making breaks by a defect is told of at once, and its room is given back', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.runtime.create = () => Promise.reject(new Error('a defect'));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash app.0')), 'told');
  t.equal(world.logger.named('rep.ordinary-lrp-processor.container-life-failed').length, 1);
  await rep.until(() => rep.rep.cell.state().lrpCounts.size === 0, 'room is back');
  await rep.stop();
});

t.test('lrp - a container in which something breaks by a defect is destroyed', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.runtime.onRun = () => {
    throw new Error('a defect');
  };
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash app.0')), 'told');
  await rep.until(() => world.runtime.containers.size === 0, 'destroyed');
  t.same(rep.rep.cell.containers(), []);
  await rep.stop();
});
