/** The wall clock jumps, as NTP and administrators make it: nothing of a cell is decided by it. */
import t from 'tap';
import { desiredLrp, pendingTask, runAction } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

const HOUR_MS = 3_600_000;

t.test('clock jumps - times that run go on, nothing is given up, and lines keep their order', async (t) => {
  const world = createWorld();
  const { bbs, clock, runtime } = world;
  bbs.desired.set('app', desiredLrp());
  const action = { timeout: { action: runAction({ logSource: 'T' }), timeoutMs: 10_000, logSource: '' } };
  bbs.allTasks.set('task', pendingTask({ action }));
  const rep = await startRep(world, { data_dir: t.testdir() });
  rep.workLrp();
  rep.workTask();
  await rep.until(() => bbs.starts.length === 1, 'started');
  await rep.until(() => (runtime.containers.get('task')?.processes.size ?? 0) > 0, 'task');
  const app = runtime.containers.get(bbs.starts[0]!.instanceKey.instanceGuid)!.main();

  for (const [at, jump] of [HOUR_MS, -2 * HOUR_MS, 24 * HOUR_MS].entries()) {
    clock.jump(jump);
    app.emit(`line ${at}\n`);
    await clock.advance(3_000);
    t.ok(rep.rep.cell.state().placeable, 'the cell is there');
    const [container] = rep.rep.cell.containers();
    t.ok(((await container?.measure())?.ageMs ?? -1) >= 0);
  }
  t.same(app.signals, []);
  t.equal(bbs.completions.length, 0, 'nine of ten seconds are over');
  t.equal(bbs.calls.filter((call) => /^(crash|remove|release)/.test(call)).length, 0);
  await rep.until(() => bbs.completions.length === 1, 'timed out', 100);
  t.match(bbs.completions[0], { failureReason: 'exceeded 10s timeout; T: Exited with status 143' });
  const told = world.lines.flatMap((line, at) =>
    / line \d$/.test(line) ? [BigInt(world.timestamps[at] ?? 0)] : [],
  );
  t.equal(told.length, 3);
  t.ok(told[0]! < told[1]! && told[1]! < told[2]!);
  await rep.stop();
});
