/** What is prepared as cells tell it decides as if nothing had been: any history, then a batch of any kind. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { createKnownCells } from '../../../auctioneer/backends/known-cells.js';
import type { KnownCells } from '../../../auctioneer/backends/known-cells.js';
import { auctionsOf } from '../../../auctioneer/core/auction.js';
import { decide } from '../../../auctioneer/core/decide.js';
import { DEFAULT_POLICY } from '../../../auctioneer/core/policy.js';
import { aCellState, anLrpWork, aTaskWork } from '../../support/cell-states.js';

const CELLS = ['a', 'b', 'c', 'd'];
const PROCESSES = ['web', 'api', 'job'];

const cellId = fc.constantFrom(...CELLS);
const counts = fc
  .dictionary(fc.constantFrom(...PROCESSES), fc.integer({ min: 0, max: 3 }))
  .map((all) => new Map(Object.entries(all)));
const places = fc.array(fc.constantFrom(...PROCESSES), { maxLength: 3 });

type Step = (known: KnownCells, version: number) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(cellId, counts).map(([id, lrpCounts]): Step => (known, version) => {
    const room = { memoryMb: 10_000, diskMb: 10_000, containers: 20 };
    const zone = CELLS.indexOf(id) % 2 === 0 ? 'z1' : 'z2';
    const state = { cellIndex: CELLS.indexOf(id), zone, available: room, total: room };
    known.hear(aCellState({ ...state, cellId: id, version, lrpCounts }));
  }),
  fc.tuple(cellId, places).map(([id, processes]): Step => (known) => {
    const lrps = processes.map((processGuid) => anLrpWork({ processGuid }));
    const tasks = [aTaskWork()];
    known.reserve({ cellId: id, incarnation: 'first', traceId: '', deadlineMs: 0, lrps, tasks });
  }),
  cellId.map(
    (id): Step =>
      (known) =>
        known.forget(id),
  ),
  cellId.map(
    (id): Step =>
      (known) =>
        known.disappeared(id),
  ),
  cellId.map(
    (id): Step =>
      (known) =>
        known.appeared(id),
  ),
  fc.subarray(CELLS).map(
    (ids): Step =>
      (known) =>
        known.setPresent(new Set(ids)),
  ),
  fc.constant<Step>((known) => void known.states()),
  fc.constant<Step>((known) => known.beginRound().end()),
);

const { placementId: _id, index: _index, ...request } = anLrpWork();

/** Two of each process. */
const wanted = () =>
  auctionsOf(
    PROCESSES.map((processGuid) => ({
      ...request,
      processGuid,
      instances: [0, 1].map((index) => ({ index, placementId: `${processGuid}.${index}@e.0` })),
    })),
    [],
  );

t.test('known cells - decisions on what was prepared are those of the exhaustive scorer', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const known = createKnownCells();
      known.setPresent(new Set(CELLS));
      for (const [version, act] of steps.entries()) {
        act(known, version + 1);
        const input = { cells: known.states().cells, auctions: wanted(), policy: DEFAULT_POLICY };
        const oracle = decide(input, 'exhaustive').placements.map(({ cellId }) => cellId);
        const index = decide(input).placements.map(({ cellId }) => cellId);
        if (!isDeepStrictEqual(index, oracle))
          throw new Error(`${index.join(' ')} is not ${oracle.join(' ')}`);
      }
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('known cells - a list that was given stays as it was', (t) => {
  const known = createKnownCells();
  known.setPresent(new Set(['a', 'b']));
  for (const cellId of ['a', 'b']) known.hear(aCellState({ cellId, version: 1 }));
  const first = known.states();
  known.hear(aCellState({ cellId: 'b', version: 2 }));
  t.same(
    [first, known.states()].map(({ cells }) => cells.map(({ version }) => version)),
    [
      [1, 1],
      [1, 2],
    ],
  );
  t.equal(known.states(), known.states());
  t.end();
});
