import fc from 'fast-check';
import t from 'tap';
import type { GroupStore, RowList, TableView } from '../../../common/store/contract.js';
import { createMemoryEngine } from '../../../common/store/memory-engine.js';
import type { MemoryEngine } from '../../../common/store/memory-engine.js';
import { ball, openBalls } from '../../support/store.js';
import type { Ball, BallTables } from '../../support/store.js';

interface Write {
  key: string;
  /** undefined deletes */
  row: Ball | undefined;
}

type Step =
  | { kind: 'transact'; writes: Write[]; throws: boolean }
  | { kind: 'turn' }
  | { kind: 'settle' }
  | { kind: 'fail'; count: number }
  | { kind: 'unknown'; stored: boolean; failingReads: number };

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const COLOURS = ['red', 'green', 'blue'];
const OWNERS = ['', 'ann', 'bob'];

const write: fc.Arbitrary<Write> = fc
  .record({
    key: fc.constantFrom(...KEYS),
    colour: fc.constantFrom(...COLOURS),
    owner: fc.constantFrom(...OWNERS),
    deletes: fc.boolean(),
  })
  .map(({ key, colour, owner, deletes }) => ({
    key,
    row: deletes ? undefined : ball(key, { colour, owner }),
  }));

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('transact' as const),
      writes: fc.array(write, { maxLength: 4 }),
      throws: fc.nat(7).map((n) => n === 0),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'turn' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('fail' as const), count: fc.integer({ min: 1, max: 2 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('unknown' as const),
      stored: fc.boolean(),
      // five in a row make the owner step down
      failingReads: fc.oneof({ weight: 9, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.constant(9) }),
    }),
  },
);

/** The owner steps down with one decision in flight, and refuses another before the first is answered. */
const OVERTAKEN: Step[] = [
  { kind: 'unknown', stored: true, failingReads: 9 },
  { kind: 'transact', writes: [{ key: 'a', row: ball('a', { colour: 'red', owner: '' }) }], throws: false },
  ...Array.from({ length: 11 }, (): Step => ({ kind: 'transact', writes: [], throws: true })),
  { kind: 'transact', writes: [{ key: 'c', row: ball('c', { colour: 'red', owner: '' }) }], throws: true },
];

type Rows = Map<string, Ball>;

const applyWrites = (rows: Rows, writes: readonly Write[]): void => {
  for (const { key, row } of writes) {
    if (row) rows.set(key, row);
    else rows.delete(key);
  }
};

const sorted = (rows: Iterable<[string, Ball]>): [string, Ball][] =>
  [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

/** the table must equal the model, read in every way there is */
const sameTable = (view: TableView<Ball>, rows: Rows): boolean => {
  const byScan = (pick: (row: Ball) => string, value: string): string[] =>
    [...rows.values()].filter((row) => pick(row) === value).map((row) => row.id);
  const byIndex = (index: string, value: string): string[] =>
    [...view.byIndex(index, value)].map((row) => row.id);
  const taken = (list: RowList<Ball>): string[] =>
    [...list.slice(0, 2), ...list.slice(2, list.length)].map((row) => row.id);
  const byList = (index: string, value: string): string[] => taken(view.list({ index, value }));
  const same = (a: string[], b: string[]): boolean => a.sort().join() === b.sort().join();
  // by indexes first: what is found there is decoded only then
  return (
    view.count() === rows.size &&
    COLOURS.every((colour) => same(byList('colour', colour), byIndex('colour', colour))) &&
    OWNERS.every((owner) => same(byList('owner', owner), byIndex('owner', owner))) &&
    same(taken(view.list()), [...rows.keys()]) &&
    COLOURS.every((colour) =>
      same(
        byIndex('colour', colour),
        byScan((row) => row.colour, colour),
      ),
    ) &&
    OWNERS.filter(Boolean).every((owner) =>
      same(
        byIndex('owner', owner),
        byScan((row) => row.owner, owner),
      ),
    ) &&
    byIndex('owner', '').length === 0 &&
    KEYS.every((key) => JSON.stringify(view.get(key)) === JSON.stringify(rows.get(key))) &&
    JSON.stringify(sorted(view.entries())) === JSON.stringify(sorted(rows))
  );
};

const check = (condition: boolean, what: string): void => {
  if (!condition) throw new Error(what);
};

/** Drives one store and keeps beside it what must be true of it. */
const createRun = (engine: MemoryEngine, store: GroupStore<BallTables, string>, found: Rows) => {
  const durable: Rows = new Map(found);
  const decided = new Map<string, Write[]>();
  const told: string[] = [];
  const acknowledged: string[] = [];
  const refused: string[] = [];
  /** refused without knowing whether they were stored, as when the owner steps down */
  const unsettled: string[] = [];
  let lost = 0;
  const running: Promise<void>[] = [];

  store.onLost(() => void (lost += 1));
  store.onCommit((events) => {
    for (const id of events) {
      applyWrites(durable, decided.get(id) ?? []);
      told.push(id);
    }
    check(sameTable(store.committed.balls, durable), 'committed state differs from the events told');
  });

  const transact = ({ writes, throws }: Extract<Step, { kind: 'transact' }>): void => {
    const id = String(decided.size);
    decided.set(id, writes);
    const deciding = store.transact((tables) => {
      const before: Rows = new Map(tables.balls.entries());
      for (const { key, row } of writes) {
        if (row) tables.balls.put(key, row);
        else tables.balls.delete(key);
      }
      applyWrites(before, writes);
      check(sameTable(tables.balls, before), 'pending state differs from what was decided');
      if (throws) throw new Error('thrown');
      return { value: id, events: [id] };
    });
    running.push(
      deciding.then(
        (result) => {
          (result.ok ? acknowledged : refused).push(id);
          if (!result.ok && result.error.code === 'STORE_CLOSED') unsettled.push(id);
        },
        (error: Error) => {
          check(error.message === 'thrown', error.message);
          refused.push(id);
        },
      ),
    );
  };

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  const perform = async (step: Step): Promise<void> => {
    if (step.kind === 'transact') transact(step);
    else if (step.kind === 'turn') await turn();
    else if (step.kind === 'settle') await Promise.all(running);
    else if (step.kind === 'fail') engine.faults.failCommits(step.count);
    else {
      engine.faults.unknownCommit(step.stored);
      engine.faults.failReads(step.failingReads);
    }
    check(sameTable(store.committed.balls, durable), 'committed state shows what no event told');
  };

  // What was in flight when the owner stepped down may be there, whole and in order, or not.
  const isReopenedRightly = (view: TableView<Ball>): boolean => {
    const rows: Rows = new Map(durable);
    if (sameTable(view, rows)) return true;
    // Answers may come in another order than decisions were made: one refused at once overtakes one that was in flight.
    const inOrder = unsettled.sort((a, b) => Number(a) - Number(b));
    return inOrder.some((id) => {
      applyWrites(rows, decided.get(id) ?? []);
      return sameTable(view, rows);
    });
  };

  const finish = async (): Promise<void> => {
    await Promise.all(running);
    await store.close();
    check(
      acknowledged.every((id) => told.includes(id)),
      'acknowledged, but not told',
    );
    check(
      refused.every((id) => !told.includes(id)),
      'refused, but told',
    );
    check(
      told.every((id, at) => at === 0 || Number(told[at - 1]) < Number(id)),
      'told out of order',
    );
    check(lost === Number(unsettled.length > 0 || lost > 0), 'lost without saying so once');
    const again = await openBalls(engine);
    check(isReopenedRightly(again.committed.balls), 'reopened state differs from what was told');
    await again.close();
  };

  return {
    perform,
    finish,
    counts: () => ({ acknowledged: acknowledged.length, refused: refused.length, lost }),
  };
};

/** A store that has been closed with these rows, opened again: none of them has been looked at. */
const openWith = async (engine: MemoryEngine, rows: Rows): Promise<GroupStore<BallTables, string>> => {
  const store = await openBalls(engine);
  await store.transact(({ balls }) => {
    for (const [key, row] of rows) balls.put(key, row);
    return { value: undefined, events: [] };
  });
  await store.close();
  return openBalls(engine);
};

t.test('group store - any mix of decisions and faults keeps what it promises', async (t) => {
  const totals = { acknowledged: 0, refused: 0, lost: 0 };
  const property = fc.asyncProperty(
    fc.array(write, { maxLength: 5 }),
    fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
    async (found, steps) => {
      const engine = createMemoryEngine();
      const rows: Rows = new Map();
      applyWrites(rows, found);
      const run = createRun(engine, await openWith(engine, rows), rows);
      for (const each of steps) await run.perform(each);
      await run.finish();
      const counts = run.counts();
      totals.acknowledged += counts.acknowledged;
      totals.refused += counts.refused;
      totals.lost += counts.lost;
    },
  );
  await fc.assert(property, { numRuns: 1_000, examples: [[[], OVERTAKEN]] });
  t.ok(totals.lost > 20, `${totals.lost} times lost`);
  t.ok(totals.acknowledged > 1_000, `${totals.acknowledged} acknowledged`);
  t.ok(totals.refused > 1_000, `${totals.refused} refused`);
});
