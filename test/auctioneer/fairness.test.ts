import t from 'tap';
import { type Auction, auctionId } from '../../auctioneer/core/auction.js';
import { admit } from '../../auctioneer/core/requests.js';
import type { CellState } from '../../common/model/cell.js';
import { startRunner } from '../support/auction-runner.js';
import { aCellState, anLrpWork } from '../support/cell-states.js';
import { createDirectCells } from '../support/direct-cells.js';

const BIG = 10_000;
const SMALL_APPS = 100;
const SMALL = 3;

const { placementId: _placementId, index: _index, ...start } = anLrpWork();

/** As the board asks: the instances from `from` on, in one request. */
const asked = (processGuid: string, count: number, from = 0, memoryMb = 64): Auction[] => {
  const instances = Array.from({ length: count }, (_, at) => ({
    index: from + at,
    placementId: `${processGuid}.${from + at}@e.0`,
  }));
  const { auctions, dropped } = admit({
    traceId: 't',
    lrps: [{ ...start, processGuid, memoryMb, instances }],
    tasks: [],
  });
  if (dropped.length > 0) throw new Error(JSON.stringify(dropped));
  return auctions;
};

/** Room for so many containers of any size that is asked for. */
const cellsFor = (count: number, containers: number): CellState[] =>
  Array.from({ length: count }, (_, at) => {
    const room = { memoryMb: 1024 * containers, diskMb: 4096 * containers, containers };
    return aCellState({
      cellId: `cell-${at}`,
      cellIndex: at,
      zone: `z${at % 3}`,
      available: room,
      total: room,
    });
  });

/** The big one is asked for first, in several requests; the small ones want less memory, as much, or more. */
const together = (): Auction[][] => [
  ...Array.from({ length: 10 }, (_, part) => asked('big', BIG / 10, (part * BIG) / 10)),
  ...Array.from({ length: SMALL_APPS }, (_, at) => asked(`small-${at}`, SMALL, 0, 32 + 32 * (at % 3))),
];

const run = async (cells: CellState[]) => {
  const backend = createDirectCells(cells);
  const { runner, batches } = startRunner(backend);
  for (const request of together()) runner.add(request);
  await runner.settled();
  t.equal(batches.length, 1, 'asked for together');
  const placed = backend.taken.flatMap(({ lrps }) => lrps.map(({ processGuid }) => processGuid));
  const counts = new Map<string, number>();
  for (const guid of placed) counts.set(guid, (counts.get(guid) ?? 0) + 1);
  return { decision: batches[0]!.decision, counts, taken: placed.length };
};

const indexOf = (auction: Auction): number => (auction.kind === 'lrp' ? auction.index : 0);

t.test('fairness - every application is considered once before any is considered twice', async (t) => {
  const { decision, counts, taken } = await run(cellsFor(200, 25));
  const order = decision.consideredOrder;
  t.equal(order.length, BIG + SMALL_APPS * SMALL);
  const firsts = order.slice(0, SMALL_APPS + 1);
  t.ok(firsts.every((auction) => indexOf(auction) === 0));
  t.equal(new Set(firsts.map(auctionId)).size, SMALL_APPS + 1);
  const places = decision.placements.slice(0, SMALL_APPS + 1).map(({ auction }) => auctionId(auction));
  t.same(places, firsts.map(auctionId), 'and placed in that order');
  t.equal(taken, 5_000, 'all the room there is, which is too little for all');
  t.equal(decision.failures.length, BIG + SMALL_APPS * SMALL - taken);
  const { big = 0, ...small } = Object.fromEntries(counts);
  t.same(new Set(Object.values(small)), new Set([SMALL]), 'the small ones have all their instances');
  t.equal(big, taken - SMALL_APPS * SMALL);
});

t.test('fairness - with room for so many instances as there are applications each gets one', async (t) => {
  const { counts, taken } = await run(cellsFor(SMALL_APPS + 1, 1));
  t.equal(taken, SMALL_APPS + 1);
  t.equal(counts.size, SMALL_APPS + 1);
});

t.test('fairness - what is left over for second instances is not all for one application', async (t) => {
  const { counts } = await run(cellsFor(SMALL_APPS + 1, 2));
  t.same(new Set(counts.values()), new Set([2]));
});
