import fc from 'fast-check';
import t from 'tap';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import type { MemoryEngine } from '../../common/store/memory-engine.js';
import type { HistoryEntry } from '../../common/model/history.js';
import { desiredLrp, KEY, must, ONE, openBoard, startOf, taskDefinition, TWO } from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';
import { createHistory } from '../../bbs/controllers/history.js';
import { decodeHistory } from '../../bbs/store/history.js';
import { BBS_SCHEMA } from '../../bbs/store/schema.js';

const ALL = { index: -1, limit: 0 };

const NOTED = { what: 'running' as const, more: 0, instanceGuid: '', cellId: '', count: 0, reason: '' };

const told = async (test: TestBoard, guid: string, of: { index?: number; limit?: number } = {}) =>
  must(await test.board.history({ guid, ...ALL, ...of })).map(said);

const said = ({ what, index, more, cellId, count, reason }: HistoryEntry): string =>
  [what, index < 0 ? '' : more > 0 ? `#${index}-${index + more}` : `#${index}`, cellId, count || '', reason]
    .filter((part) => part !== '')
    .join(' ');

/** What lies in the file of a BBS that has ended. */
const onFile = async (engine: MemoryEngine): Promise<HistoryEntry[]> => {
  const store = await engine.open(BBS_SCHEMA);
  const entries: HistoryEntry[] = [];
  for await (const page of store.rows()) {
    for (const row of page) if (row.table === 'history') entries.push(...decodeHistory(row.value));
  }
  await store.close();
  return entries;
};

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
    'removed #1-2',
    'changed 1 instances from 3 to 1, annotation',
    'removed #0 cell-2',
    'undesired',
  ]);
  t.same(await told(test, 'app', { index: 2 }), [
    'desired 3',
    'waiting #0-2',
    'removed #1-2',
    'changed 1 instances from 3 to 1, annotation',
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

/** An LRP was desired of one board, and its instance is claimed at the next one on the same store. */
const claimedAfterRestart = async () => {
  const engine = createMemoryEngine();
  const first = await openBoard({ engine, converge: false });
  await desire(first, 1);
  await first.close();
  const second = await openBoard({ engine, converge: false });
  must(await second.board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  return second;
};

t.test('history - it survives the BBS, and goes on with the next number', async (t) => {
  const second = await claimedAfterRestart();
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
  const engine = createMemoryEngine();
  const config = { history_entries: 400, history_per_guid: 5 };
  const test = await openBoard({ engine, converge: false, config });
  const taskOf = (n: number) => ({ taskGuid: `t${n}`, domain: 'tasks', definition: taskDefinition() });
  await desire(test, 1);
  for (let n = 0; n < 12; n += 1) must(await test.board.failActualLrp(KEY, `reason ${n}`, ''));
  t.same(
    await told(test, 'app', { index: 0 }),
    ['desired 1', ...[7, 8, 9, 10, 11].map((n) => `unplaced #0 reason ${n}`)],
    'a noisy instance pushes out its own entries',
  );
  for (let n = 12; n < 1_000; n += 1) must(await test.board.failActualLrp(KEY, `reason ${n}`, ''));
  t.same(
    await told(test, 'app', { index: 0 }),
    ['desired 1', ...[995, 996, 997, 998, 999].map((n) => `unplaced #0 reason ${n}`)],
    'and no others, however noisy',
  );
  for (let n = 0; n < 700; n += 1) must(await test.board.desireTask(taskOf(n), ''));
  t.same(await told(test, 'app'), []);
  t.same(await told(test, 't699'), ['submitted']);
  t.same(await told(test, 't500'), ['submitted'], 'half of the limit is kept whatever comes');
  t.same(await told(test, 't100'), []);
  await test.close();
  const kept = (await onFile(engine)).length;
  t.ok(kept >= 200 && kept <= 401, `${kept} entries in the file`);

  const again = await openBoard({ engine, converge: false, config });
  t.same(await told(again, 't500'), ['submitted'], 'also after the next start');
  t.same(await told(again, 't100'), []);
  must(await again.board.desireTask(taskOf(700), ''));
  t.same(await told(again, 't700'), ['submitted']);
  await again.close();
});

t.test('history - what is noted before anybody has asked for earlier entries comes after them', async (t) => {
  const second = await claimedAfterRestart();
  must(await second.board.startActualLrp(startOf(ONE), ''));
  const expected = ['desired 1', 'waiting #0', 'claimed #0 cell-1', 'running #0 cell-1'];
  t.same(await told(second, 'app'), expected);
  t.same(await told(second, 'app'), expected, 'once');
  await second.close();
});

t.test('history - none is kept where none is wanted, and what there was goes', async (t) => {
  const engine = createMemoryEngine();
  const first = await openBoard({ engine, converge: false });
  await desire(first, 1);
  await first.close();
  const second = await openBoard({ engine, converge: false, config: { history_entries: 0 } });
  must(await second.board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  t.same(await told(second, 'app'), []);
  await second.close();
  t.same(await onFile(engine), []);
});

t.test('history - a page that cannot be read is damage', async (t) => {
  const engine = createMemoryEngine();
  const raw = await engine.open(BBS_SCHEMA);
  await raw.commit({ sequence: 1, changes: [{ table: 'history', key: 'x', value: '[]' }] });
  await raw.close();
  await t.rejects(openBoard({ engine }), { code: 'STORE_CORRUPT', message: /row x of history/ });
});

/** Commits of any size, by few or many. */
const commits = fc.array(
  fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 2 })), { minLength: 1, maxLength: 12 }),
  { maxLength: 60, size: 'max' },
);

t.test(
  'history - whatever comes: bounds hold, the latest are there, and a restart changes nothing',
  async (t) => {
    const limits = { historyEntries: 60, historyPerGuid: 3 };
    await fc.assert(
      fc.asyncProperty(commits, fc.nat({ max: 60 }), async (all, restartAt) => {
        const rows = new Map<string, string>();
        const open = () => {
          const made = createHistory(limits);
          for (const [key, text] of rows) made.journal.load(key, text);
          return made;
        };
        let history = open();
        const happened: HistoryEntry[] = [];
        for (const [at, notes] of all.entries()) {
          if (at === restartAt) history = open();
          const noted = notes.map(([guid, index]) => ({ ...NOTED, guid: `g${guid}`, index, at }));
          const { changes, stored } = history.journal.write([{ noted }]);
          for (const { key, value } of changes) {
            if (value === null) rows.delete(key);
            else rows.set(key, value);
          }
          stored();
          for (const note of noted) happened.push({ ...note, number: happened.length + 1 });
        }
        const entries = [...rows.values()].flatMap(decodeHistory);
        // 12 is the largest commit, 64 what a commit may leave for the next
        if (entries.length > 60 + 12 + 64) return false;
        for (let guid = 0; guid <= 6; guid += 1) {
          for (let index = 0; index <= 2; index += 1) {
            const mine = happened.filter((one) => one.guid === `g${guid}` && one.index === index).slice(-3);
            const recent = mine.filter(({ number }) => number > happened.length - 30);
            const found = must(await history.history({ guid: `g${guid}`, index, limit: 0 }));
            const numbers = found.map(({ number }) => number);
            if (!recent.every(({ number }) => numbers.includes(number))) return false;
            if (!numbers.every((number) => mine.some((one) => one.number === number))) return false;
            if (String(numbers) !== String([...numbers].sort((a, b) => a - b))) return false;
          }
        }
        return true;
      }),
      { numRuns: 300 },
    );
    t.pass('300 runs');
  },
);
