import fc from 'fast-check';
import t from 'tap';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import type { HistoryEntry } from '../../common/model/history.js';
import { desiredLrp, KEY, must, ONE, openBoard, startOf, taskDefinition, TWO } from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';

const ALL = { index: -1, limit: 0 };

const told = async (test: TestBoard, guid: string, of: { index?: number; limit?: number } = {}) =>
  must(await test.board.history({ guid, ...ALL, ...of })).map(said);

const said = ({ what, index, more, cellId, count, reason }: HistoryEntry): string =>
  [what, index < 0 ? '' : more > 0 ? `#${index}-${index + more}` : `#${index}`, cellId, count || '', reason]
    .filter((part) => part !== '')
    .join(' ');

const desire = async (test: TestBoard, instances: number): Promise<void> => {
  must(await test.board.desireLrp(desiredLrp({ instances }), ''));
};

t.test('history - the life of an instance, with places and reasons', async (t) => {
  const test = await openBoard({ converge: false });
  const { board } = test;
  await desire(test, 3);
  must(await board.failActualLrp(KEY, 'insufficient resources: memory', ''));
  must(await board.failActualLrp(KEY, 'insufficient resources: memory', ''));
  must(await board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  must(await board.startActualLrp({ ...startOf(ONE), routable: false }, ''));
  must(await board.startActualLrp(startOf(ONE), ''));
  must(await board.crashActualLrp({ key: KEY, instanceKey: ONE, reason: 'exit status 1' }, ''));
  must(await board.startActualLrp(startOf(TWO), ''));
  must(await board.updateDesiredLrp('app', { instances: 1, annotation: 'x' }, ''));
  must(await board.removeActualLrp({ key: KEY, instanceKey: TWO }, ''));
  must(await board.removeDesiredLrp('app', ''));
  t.same(await told(test, 'app'), [
    'desired 3',
    'waiting #0-2',
    'unplaced #0 insufficient resources: memory',
    'claimed #0 cell-1',
    'running #0 cell-1',
    'routable #0 cell-1',
    'crashed #0 cell-1 1 exit status 1',
    'running #0 cell-2',
    'changed 1 instances from 3 to 1, annotation',
    'removed #1-2',
    'removed #0 cell-2',
    'undesired',
  ]);
  t.same(await told(test, 'app', { index: 2 }), [
    'desired 3',
    'waiting #0-2',
    'changed 1 instances from 3 to 1, annotation',
    'removed #1-2',
    'undesired',
  ]);
  t.same(await told(test, 'app', { limit: 2 }), ['removed #0 cell-2', 'undesired']);
  t.same(await told(test, 'two'), ['running #0 cell-2', 'removed #0 cell-2'], 'by the guid of an instance');
  t.same(await told(test, 'nobody'), []);
  await test.close();
});

t.test('history - a lost cell, and one that is back', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1', 'cell-2');
  await desire(test, 1);
  must(await test.board.startActualLrp(startOf(ONE), ''));
  must(await test.board.releaseLease('cell/cell-1', 'rep-of-cell-1'));
  await test.clock.advance(100);
  await test.renew('cell-1');
  await test.clock.advance(100);
  t.same((await told(test, 'app')).slice(-5), [
    'running #0 cell-1',
    'suspect #0 cell-1',
    'waiting #0',
    'back #0 cell-1',
    'removed #0',
  ]);
  await test.close();
});

t.test('history - the life of a task', async (t) => {
  const test = await openBoard({ converge: false });
  const { board } = test;
  const wish = { taskGuid: 'task', domain: 'tasks', definition: taskDefinition() };
  must(await board.desireTask(wish, ''));
  must(await board.rejectTask('task', 'no room', ''));
  must(await board.startTask('task', 'cell-1', ''));
  const end = {
    taskGuid: 'task',
    cellId: 'cell-1',
    failed: true,
    failureReason: 'exit status 2',
    result: '',
  };
  must(await board.completeTask(end, ''));
  must(await board.resolvingTask('task', ''));
  must(await board.deleteTask('task', ''));
  t.same(await told(test, 'task'), [
    'submitted',
    'rejected 1 no room',
    'started cell-1',
    'failed cell-1 exit status 2',
    'resolving',
    'removed',
  ]);
  await test.close();
});

t.test('history - it survives the BBS, and goes on with the next number', async (t) => {
  const engine = createMemoryEngine();
  const first = await openBoard({ engine, converge: false });
  await desire(first, 1);
  await first.close();
  const second = await openBoard({ engine, converge: false });
  must(await second.board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  t.same(await told(second, 'app'), ['desired 1', 'waiting #0', 'claimed #0 cell-1']);
  t.same(
    must(await second.board.history({ guid: 'app', ...ALL })).map(({ number }) => number),
    [1, 2, 3],
  );
  await second.close();
});

t.test('history - what fails to be stored has not happened', async (t) => {
  const test = await openBoard({ converge: false });
  test.engine.faults.failCommits(1);
  t.equal((await test.board.desireLrp(desiredLrp(), '')).ok, false);
  t.same(await told(test, 'app'), []);
  await desire(test, 1);
  t.same(await told(test, 'app'), ['desired 1', 'waiting #0']);
  await test.close();
});

t.test('history - so much of one guid, so much in all, and the oldest go first', async (t) => {
  const config = { history_entries: 200, history_per_guid: 5 };
  const test = await openBoard({ converge: false, config });
  const taskOf = (n: number) => ({ taskGuid: `t${n}`, domain: 'tasks', definition: taskDefinition() });
  await desire(test, 1);
  for (let n = 0; n < 12; n += 1) must(await test.board.failActualLrp(KEY, `reason ${n}`, ''));
  t.same(
    await told(test, 'app', { index: 0 }),
    ['desired 1', ...[7, 8, 9, 10, 11].map((n) => `unplaced #0 reason ${n}`)],
    'a noisy instance pushes out its own entries alone',
  );
  for (let n = 0; n < 500; n += 1) must(await test.board.desireTask(taskOf(n), ''));
  const kept = test.store.committed.history.count();
  t.ok(kept >= 200 && kept <= 300, `${kept} entries`);
  t.same(await told(test, 'app'), []);
  t.same(await told(test, 't499'), ['submitted']);
  t.same(await told(test, 't100'), []);
  await test.close();
});

t.test('history - none is kept where none is wanted, and what there was goes', async (t) => {
  const engine = createMemoryEngine();
  const first = await openBoard({ engine, converge: false });
  await desire(first, 1);
  await first.close();
  const second = await openBoard({ engine, converge: false, config: { history_entries: 0 } });
  must(await second.board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  t.equal(second.store.committed.history.count(), 0);
  await second.close();
});

t.test('history - bounds hold under any work', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 9 }), { maxLength: 80 }), async (choices) => {
      const config = { history_entries: 20, history_per_guid: 3 };
      const test = await openBoard({ converge: false, config });
      await desire(test, 3);
      for (const choice of choices) {
        const key = { ...KEY, index: choice % 3 };
        if (choice < 5) await test.board.startActualLrp(startOf(ONE, key), '');
        else await test.board.crashActualLrp({ key, instanceKey: ONE, reason: 'x' }, '');
      }
      const entries = [...test.store.committed.history.entries()].map(([, entry]) => entry);
      const per = new Map<string, number>();
      for (const { guid, index } of entries)
        per.set(`${guid}/${index}`, 1 + (per.get(`${guid}/${index}`) ?? 0));
      await test.close();
      const numbers = entries.map(({ number }) => number);
      return (
        entries.length <= 20 + 65 &&
        [...per.values()].every((count) => count <= 3) &&
        String(numbers) === String([...numbers].sort((a, b) => a - b))
      );
    }),
    { numRuns: 60 },
  );
  t.pass('60 runs');
});
