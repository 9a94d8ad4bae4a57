/** What is true of every decision, whatever the cluster, the batch and the policy. */
import { isDeepStrictEqual } from 'node:util';
import { askedIn } from '../../auctioneer/core/asked.js';
import { type Auction, auctionId } from '../../auctioneer/core/auction.js';
import { openIndex } from '../../auctioneer/core/bid-index/open.js';
import { biddersOf } from '../../auctioneer/core/bidders.js';
import { NONE } from '../../auctioneer/core/bids.js';
import { type Decision, type DecisionInput, decide } from '../../auctioneer/core/decide.js';
import { considerationOrder } from '../../auctioneer/core/order.js';
import { createPreparation } from '../../auctioneer/core/prepare.js';
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

/** The second time its states have been prepared for it. */
const decidesAsOracle = (input: DecisionInput): void => {
  const oracle = told(decide(input, 'exhaustive'));
  same(told(decide(input)), oracle);
  const preparation = createPreparation();
  for (const state of input.cells) preparation.told(state, undefined);
  same(told(decide(input)), oracle);
};

/** Looks closely again after every search, however few groups it looked into. */
const closely = ({ cells, auctions, policy }: DecisionInput): string[] => {
  const { bidding, counting } = biddersOf(cells);
  const order = considerationOrder(auctions, policy.compat === 'diego' ? 'diego' : 'stable');
  const { requests, processOf, ofPlace, processes } = askedIn(auctions, order);
  const bids = openIndex({ bidding, counting, policy, processes, patience: { expected: 0, price: 0 } });
  for (const [number, request] of requests.entries()) bids.enter(request, processOf[number]!);
  return Array.from(order, (at, place) => {
    const id = auctionId(auctions[at]!);
    const winner = bids.winner(ofPlace[place]!);
    if (winner === NONE) return `${id} ${bids.refusal(ofPlace[place]!).reason}`;
    bids.take(ofPlace[place]!, winner);
    return `${id} ${bids.cellId(winner)}`;
  });
};

const looksCloselyAsOracle = (input: DecisionInput): void => {
  const policy = { ...input.policy, startingContainerMaximum: 0 };
  if (biddersOf(input.cells).bidding.length === 0) return;
  const { placements, failures } = decide({ ...input, policy }, 'exhaustive');
  const oracle = [
    ...placements.map(({ auction, cellId }) => `${auctionId(auction)} ${cellId}`),
    ...failures.map(({ auction, reason }) => `${auctionId(auction)} ${reason}`),
  ];
  same(closely({ ...input, policy }).sort(), oracle.sort());
};

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
  'so it does when it looks closely at once': looksCloselyAsOracle,
  'resources add up, no cell is over-committed': addsUp,
  'the order of cells changes nothing': ignoresOrder,
  'the same input is decided alike': repeats,
};
