/** What is true of every decision, whatever the cluster, the batch and the policy. */
import { isDeepStrictEqual } from 'node:util';
import { type Auction, auctionId } from '../../auctioneer/core/auction.js';
import { type Decision, type DecisionInput, decide } from '../../auctioneer/core/decide.js';
import type { CellState } from '../../common/model/cell.js';

/** What was decided, in words; of the nearest miss only that there is one: several may be as near. */
const told = ({ placements, failures, excluded }: Decision): string[] => [
  ...placements.map(({ auction, cellId }) => `${auctionId(auction)} ${cellId}`),
  ...failures.map(
    ({ auction, reason, nearest }) => `${auctionId(auction)} ${reason} ${nearest !== undefined}`,
  ),
  ...excluded.map(({ cellId, reason }) => `${cellId} ${reason}`),
];

const same = (a: unknown, b: unknown): void => {
  if (!isDeepStrictEqual(a, b)) throw new Error(`${JSON.stringify(a)}\nis not\n${JSON.stringify(b)}`);
};

const decidesAsOracle = (input: DecisionInput): void =>
  same(told(decide(input, 'index')), told(decide(input, 'exhaustive')));

const sum = (auctions: readonly Auction[], pick: (auction: Auction) => number): number =>
  auctions.reduce((all, one) => all + pick(one), 0);

/** Diego's own way does not reserve the memory of proxies, and promises it again and again. */
const overCommitted = (cell: CellState, here: readonly Auction[], { policy }: DecisionInput): boolean => {
  const lrps = here.filter(({ kind }) => kind === 'lrp').length;
  const proxies = policy.compat === 'diego' ? 0 : lrps;
  const memory = sum(here, ({ request }) => request.memoryMb) + proxies * cell.proxyMemoryMb;
  return (
    here.length > 0 &&
    (memory > cell.available.memoryMb ||
      sum(here, ({ request }) => request.diskMb) > cell.available.diskMb ||
      here.length > cell.available.containers ||
      (cell.cpuMilliTotal > 0 &&
        sum(here, ({ request }) => request.cpuMilli) > Math.max(0, cell.cpuMilliAvailable)))
  );
};

const addsUp = (input: DecisionInput): void => {
  const { placements, failures, consideredOrder } = decide(input);
  same(placements.length + failures.length, input.auctions.length);
  same(consideredOrder.length, input.auctions.length);
  for (const cell of input.cells) {
    const here = placements.filter(({ cellId }) => cellId === cell.cellId).map(({ auction }) => auction);
    if (overCommitted(cell, here, input)) throw new Error(`${cell.cellId} is over-committed`);
    if (here.length > 0 && (cell.evacuating || !cell.placeable))
      throw new Error(`${cell.cellId} takes no work`);
  }
};

/** Turned and reversed by what is in the input itself, so that a counterexample says all. */
const ignoresOrder = (input: DecisionInput): void => {
  const at = input.auctions.length % Math.max(1, input.cells.length);
  const turned = [...input.cells.slice(at), ...input.cells.slice(0, at)].reverse();
  same(decide({ ...input, cells: turned }), decide(input));
};

/** Nothing but what is in the input decides: not what was decided before, not the identity of objects. */
const repeats = (input: DecisionInput): void => {
  const first = JSON.stringify(decide(input));
  same(JSON.stringify(decide(structuredClone(input))), first);
};

export const AUCTION_PROPERTIES: Record<string, (input: DecisionInput) => void> = {
  'the index decides as the exhaustive scorer does': decidesAsOracle,
  'resources add up, no cell is over-committed': addsUp,
  'the order of cells changes nothing': ignoresOrder,
  'the same input is decided alike': repeats,
};
