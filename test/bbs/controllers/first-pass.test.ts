/** What a BBS does about the rows that it finds when it starts. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import type { ActualLrp } from '../../../common/model/lrp.js';
import { createMemoryEngine } from '../../../common/store/memory-engine.js';
import { firstLook } from '../../../bbs/controllers/first-look.js';
import { processAt } from '../../../bbs/controllers/rows.js';
import { convergeProcess } from '../../../bbs/core/convergence.js';
import { actualLrpRowKey } from '../../../bbs/core/rows.js';
import {
  actual,
  context,
  desiredLrp,
  must,
  ONE,
  openBoard,
  runningOn,
  startOf,
  TWO,
} from '../../support/bbs.js';
import type { TestBoard } from '../../support/bbs.js';

const write = (test: TestBoard, change: Parameters<TestBoard['store']['transact']>[0]) =>
  test.store.transact(change).then(must);

/** A board that was left so, opened again. */
const reopened = async (
  change: (tables: Parameters<Parameters<TestBoard['store']['transact']>[0]>[0]) => void,
  options: Parameters<typeof openBoard>[0] = {},
): Promise<TestBoard> => {
  const engine = createMemoryEngine();
  const clock = createFakeClock();
  const first = await openBoard({ engine, clock, converge: false });
  await write(first, (tables) => ({ value: change(tables), events: [] }));
  await first.close();
  return openBoard({ engine, clock, ...options });
};

t.test('first pass - what seems to be settled is looked at as a whole afterwards', async (t) => {
  const routes = { 'internal-router': '[{"hostname":"a.internal"}]' };
  const test = await reopened((tables) => {
    tables.desired_lrps.put('app', desiredLrp({ routes, instances: 2 }));
    for (const [index, instance] of [ONE, TWO].entries())
      tables.actual_lrps.put(`app/${index}/ORDINARY`, runningOn(instance, { index }));
  });
  const updates = (): string[] => test.toCells.filter((subject) => subject.includes('update'));
  await test.clock.advance(1);
  t.same(updates(), []);
  await test.clock.advance(100);
  t.equal(updates().length, 2);
  await test.close();
});

t.test('first pass - a cell that nobody has ever heard of is found to be gone', async (t) => {
  const test = await reopened((tables) => {
    tables.desired_lrps.put('app', desiredLrp());
    tables.actual_lrps.put('app/0/ORDINARY', runningOn(ONE));
  });
  const shown = () =>
    [...test.store.committed.actual_lrps.entries()].map(([, { presence, state }]) => `${presence} ${state}`);
  await test.clock.advance(14_000);
  t.same(shown(), ['ORDINARY RUNNING'], 'it could not have been heard for long enough');
  await test.clock.advance(20_000);
  t.same(shown().sort(), ['ORDINARY UNCLAIMED', 'SUSPECT RUNNING']);
  await test.close();
});

t.test('first pass - ended in the midst of its first look, it leaves nothing running', async (t) => {
  const test = await reopened((tables) => {
    for (let nth = 0; nth < 1_000; nth += 1) {
      const processGuid = `app-${nth}`;
      tables.desired_lrps.put(processGuid, desiredLrp({ processGuid }));
      const row = runningOn(ONE, { processGuid });
      tables.actual_lrps.put(actualLrpRowKey(row), row);
    }
  });
  await test.clock.advance(6);
  await test.close();
  await test.clock.advance(60_000);
  t.equal((await test.board.startActualLrp(startOf(ONE), '')).ok, false);
});

const WORLD = { now: 0, gone: () => false, present: () => false, fresh: () => true, stale: Infinity };

const odd = fc.record({
  index: fc.nat({ max: 4 }),
  presence: fc.constantFrom('ORDINARY', 'ORDINARY', 'SUSPECT', 'EVACUATING'),
  state: fc.constantFrom('UNCLAIMED', 'CLAIMED', 'RUNNING', 'CRASHED', 'missing'),
});

type Odd = typeof odd extends fc.Arbitrary<infer O> ? O : never;

/** Every instance of a process runs, but for what is odd. */
const rowsOf = (processGuid: string, instances: number, odds: readonly Odd[]): ActualLrp[] => {
  const running = Array.from({ length: instances }, (_, index) => runningOn(ONE, { processGuid, index }));
  const rows = new Map(running.map((row) => [actualLrpRowKey(row), row]));
  for (const { state, ...place } of odds) {
    const key = actualLrpRowKey({ processGuid, ...place });
    if (state === 'missing') rows.delete(key);
    else if (state === 'CLAIMED' || state === 'RUNNING')
      rows.set(key, runningOn(TWO, { processGuid, ...place, state }));
    else rows.set(key, actual({ processGuid, ...place, state }));
  }
  return [...rows.values()];
};

t.test('first pass - its first look passes over nothing that is to be done, and over all else', async (t) => {
  const one = fc.record({ instances: fc.nat({ max: 4 }), odds: fc.array(odd, { maxLength: 2 }) });
  const processes = fc.array(one, { minLength: 1, maxLength: 8 });
  const seen = { open: 0, settled: 0 };
  await fc.assert(
    fc.asyncProperty(processes, async (all) => {
      const test = await reopened(
        (tables) => {
          for (const [nth, { instances, odds }] of all.entries()) {
            const processGuid = `app-${nth}`;
            if (instances > 0) tables.desired_lrps.put(processGuid, desiredLrp({ processGuid, instances }));
            for (const row of rowsOf(processGuid, instances, odds))
              tables.actual_lrps.put(actualLrpRowKey(row), row);
          }
        },
        { converge: false },
      );
      const marked = new Set<string>();
      const mark = ({ processGuid }: { processGuid: string }): void => void marked.add(processGuid);
      const steps = firstLook(test.store.committed, { mark, markTask: () => undefined });
      let step = steps.next();
      while (!step.done) step = steps.next();
      for (const processGuid of all.map((_, nth) => `app-${nth}`)) {
        const process = processAt(test.store.committed, processGuid);
        const { changes, value } = convergeProcess(process, WORLD, context());
        const isOpen = changes.length > 0 || value.open.length > 0;
        assert.equal(marked.has(processGuid), isOpen, processGuid);
        seen[isOpen ? 'open' : 'settled'] += Number(process.desired !== undefined);
      }
      assert.ok(step.value.every((processGuid) => !marked.has(processGuid)));
      await test.close();
    }),
    { numRuns: 200 },
  );
  t.ok(Math.min(seen.open, seen.settled) > 100, JSON.stringify(seen));
});
