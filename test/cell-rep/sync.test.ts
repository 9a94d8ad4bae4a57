/** The bulk sync, row by row of the behaviour sheet (§10): what the cell has against what the board has of it. */
import t from 'tap';
import type { ActualLrp } from '../../common/model/lrp.js';
import { desiredLrp, pendingTask, runAction } from '../support/lrps.js';
import { claimedRow } from '../support/fake-bbs.js';
import type { RepWorld, RunningRep } from '../support/rep.js';
import { createWorld, startRep } from '../support/rep.js';

const SYNC_MS = 30_000;

const openCell = async (world: RepWorld = createWorld()): Promise<RunningRep> => {
  if (world.bbs.desired.size === 0) world.bbs.desired.set('app', desiredLrp());
  return startRep(world);
};

const told = ({ bbs }: RepWorld): string[] => bbs.calls.filter((call) => !call.startsWith('lease'));

const row = (over: Partial<ActualLrp>): ActualLrp =>
  claimedRow({ instanceGuid: 'lost', state: 'RUNNING', ...over });

for (const { what, lost, calls } of [
  { what: 'CLAIMED', lost: row({ state: 'CLAIMED' }), calls: ['remove app.0'] },
  { what: 'RUNNING', lost: row({}), calls: ['remove app.0'] },
  { what: 'a copy that drained', lost: row({ presence: 'EVACUATING' }), calls: ['remove-evacuating app.0'] },
  { what: 'SUSPECT, until the board has found the cell back', lost: row({ presence: 'SUSPECT' }), calls: [] },
]) {
  t.test(`sync - a row without a container: ${what}`, async (t) => {
    const world = createWorld();
    world.bbs.rows.set('lost', lost);
    const rep = await openCell(world);
    await world.clock.advance(1_000);
    t.same(told(world), calls, 'removed, not crashed');
    await rep.stop();
  });
}

/** An instance whose health is not known yet: its check does not end. */
const starting = async () => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp({ monitor: runAction({ path: 'check' }) }));
  const rep = await openCell(world);
  rep.workLrp();
  const isThere = (): boolean => world.runtime.containers.size === 1 && rep.only().processes.has('main');
  await rep.until(isThere, 'its process');
  t.equal(rep.rep.cell.known()[0]?.state, 'created');
  world.bbs.calls.length = 0;
  return rep;
};

t.test('sync - created, and the board knows it: nothing is told', async (t) => {
  const rep = await starting();
  await rep.clock.advance(2 * SYNC_MS);
  t.same(told(rep), []);
  await rep.stop();
});

t.test('sync - created, without a row: claimed again', async (t) => {
  const rep = await starting();
  rep.bbs.rows.clear();
  await rep.clock.advance(SYNC_MS + 1_000);
  t.same(told(rep), ['claim app.0']);
  t.equal(rep.only().main().signals.length, 0);
  await rep.stop();
});

t.test('sync - created, without a row, and another has the slot: it goes', async (t) => {
  const rep = await starting();
  const main = rep.only().main();
  rep.bbs.rows.clear();
  rep.bbs.refuse.set('claim', 'ActualLRPCannotBeClaimed');
  await rep.clock.advance(SYNC_MS + 1_000);
  await rep.until(() => rep.rep.cell.containers().length === 0, 'gone');
  t.same(main.signals, ['SIGTERM']);
  t.same(told(rep), ['remove app.0'], 'of this instance alone');
  await rep.stop();
});

const running = async () => {
  const rep = await openCell();
  rep.workLrp();
  await rep.until(() => rep.bbs.starts.length === 1, 'started');
  rep.bbs.calls.length = 0;
  return rep;
};

t.test('sync - running, and the row says CLAIMED, or there is none: told again', async (t) => {
  const rep = await running();
  const { guid } = rep.only();
  const known = rep.bbs.rows.get(guid) as ActualLrp;
  rep.bbs.rows.set(guid, { ...known, state: 'CLAIMED' });
  await rep.clock.advance(SYNC_MS);
  t.same(told(rep), ['start app.0 routable=true']);
  rep.bbs.rows.clear();
  await rep.clock.advance(SYNC_MS);
  t.same(told(rep), ['start app.0 routable=true', 'start app.0 routable=true']);
  t.equal(rep.bbs.rows.get(guid)?.state, 'RUNNING');
  await rep.stop();
});

t.test('sync - running, and another has the slot: it goes', async (t) => {
  const rep = await running();
  const main = rep.only().main();
  rep.bbs.rows.clear();
  rep.bbs.refuse.set('start', 'ActualLRPCannotBeStarted');
  await rep.until(() => rep.rep.cell.containers().length === 0, 'gone', 500);
  t.same(main.signals, ['SIGTERM']);
  await rep.stop();
});

t.test('sync - running, and nobody desires it, or fewer of it: it goes', async (t) => {
  for (const desired of [undefined, desiredLrp({ instances: 0 })]) {
    const rep = await running();
    const main = rep.only().main();
    rep.bbs.rows.clear();
    rep.bbs.desired.clear();
    if (desired !== undefined) rep.bbs.desired.set('app', desired);
    await rep.until(() => rep.rep.cell.containers().length === 0, 'gone', 500);
    t.same(main.signals, ['SIGTERM']);
    await rep.stop();
  }
});

t.test('sync - a task that should run here and does not has failed', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set('task', pendingTask({ state: 'Running', cellId: 'cell-1' }));
  const rep = await openCell(world);
  await world.clock.advance(1_000);
  t.match(world.bbs.completions, [
    { taskGuid: 'task', failed: true, failureReason: 'task container does not exist', result: '' },
  ]);
  await rep.stop();
});

t.test('sync - a task that is here and should not run here goes, whether it has begun or not', async (t) => {
  for (const begun of [true, false]) {
    const world = createWorld();
    const definition = pendingTask();
    world.bbs.allTasks.set('task', definition);
    let fetched: () => void = () => undefined;
    if (!begun) {
      const { task } = world.bbs;
      const held = new Promise<void>((resolve) => (fetched = resolve));
      let first = true;
      world.bbs.task = async (guid) => {
        if (first) {
          first = false;
          await held;
        }
        return task(guid);
      };
    }
    const rep = await openCell(world);
    rep.workTask();
    await rep.until(() => rep.rep.cell.known()[0]?.state === (begun ? 'running' : 'initializing'), 'there');
    world.bbs.allTasks.set('task', { ...definition, state: 'Completed', cellId: '' });
    await world.clock.advance(SYNC_MS);
    fetched();
    await rep.until(() => rep.rep.cell.containers().length === 0, 'gone', 500);
    t.equal(world.runtime.containers.size, 0);
    t.same(world.bbs.completions, [], 'of which nothing is told');
    await rep.stop();
  }
});

t.test('sync - a board that cannot tell changes nothing', async (t) => {
  const rep = await running();
  rep.bbs.rows.clear();
  rep.bbs.refuse.set('desired', 'Deadlock');
  await rep.clock.advance(SYNC_MS);
  t.same([rep.only().main().signals, told(rep)], [[], []]);
  await rep.clock.advance(SYNC_MS);
  t.same(told(rep), ['start app.0 routable=true']);
  await rep.stop();
});
