import type { CellState } from '../../common/model/cell.js';
import type { Auction } from './auction.js';
import { type Decision, type DecisionInput, type Failure, type Placement, decide } from './decide.js';
import { type Moment, openMoment } from './moment.js';
import { reasonRank } from './reasons.js';

/** The cells of one backend, and what was decided on them. */
export interface Round {
  readonly cells: readonly CellState[];
  readonly decision: Decision;
}

/** What all rounds of a batch are decided by. */
export type RoundsInput = Omit<DecisionInput, 'cells'>;

type Cells = readonly CellState[];

const idsOf = (cells: Cells): Set<string> => new Set(cells.map(({ cellId }) => cellId));

/** Cells of a later round: an id that cells before them bid with stays theirs. */
const newcomers = (cells: Cells, earlier: Cells): CellState[] => {
  const taken = idsOf(earlier.filter(({ placeable }) => placeable));
  return cells.filter(({ cellId }) => !taken.has(cellId));
};

/**
 * The cells of all these rounds side by side. What an earlier backend tells of a cell that only counts gives way to
 * what a later one tells of it: an offer has the counts of the executors on its agent in it (design §7).
 */
export const cellsTogether = (rounds: readonly Cells[]): Cells => {
  const [first = [], ...later] = rounds;
  return later.reduce<Cells>((together, cells) => {
    const added = newcomers(cells, together);
    const told = idsOf(added);
    return [...together.filter(({ cellId }) => !told.has(cellId)), ...added];
  }, first);
};

/** Those up to the one in which this cell bids; all of them when it bids in none. */
export const roundsUpTo = (rounds: readonly Cells[], cellId: string): readonly Cells[] => {
  const at = rounds.findIndex((cells) => cells.some((cell) => cell.placeable && cell.cellId === cellId));
  return at === -1 ? rounds : rounds.slice(0, at + 1);
};

const momentAfter = (rounds: readonly Round[], { policy, scorer }: RoundsInput): Moment => {
  const moment = openMoment({ cells: cellsTogether(rounds.map(({ cells }) => cells)), policy, scorer });
  for (const { decision } of rounds) for (const placement of decision.placements) moment.take(placement);
  return moment;
};

/** Cells that bid no more, with the instances they have by now: their zones go on counting them. */
const counting = ({ cells, zones }: Moment): CellState[] => [
  ...cells.map(({ state, lrpCounts }) => ({ ...state, placeable: false, lrpCounts })),
  ...zones.flatMap((zone) => zone.counting),
];

/** Containers that may still be started; the limit is one for all cells. */
const startsLeft = ({ cells }: Moment, { policy }: RoundsInput): number =>
  policy.startingContainerMaximum === 0
    ? Infinity
    : policy.startingContainerMaximum - cells.reduce((sum, { starting }) => sum + starting, 0);

const unplaced = (rounds: readonly Round[]): Auction[] =>
  (rounds.at(-1)?.decision.failures ?? []).map(({ auction }) => auction);

/** What the cells of another backend are asked for: what has no place so far, unless no more may be started. */
export const leftOver = (rounds: readonly Round[], input: RoundsInput): Auction[] => {
  const auctions = unplaced(rounds);
  if (auctions.length === 0 || input.policy.startingContainerMaximum === 0) return auctions;
  return startsLeft(momentAfter(rounds, input), input) > 0 ? auctions : [];
};

const HELD = 'a cell of an earlier backend has this id';

/**
 * Decides on the cells of one backend what those before it could not place (`leftOver`: not nothing). Instances that
 * have a place there count in their zones, so that processes spread over all cells alike.
 */
export const decideRound = (cells: Cells, before: readonly Round[], input: RoundsInput): Round => {
  if (before.length === 0) return { cells, decision: decide({ ...input, cells }) };
  const moment = momentAfter(before, input);
  const fresh = newcomers(cells, cellsTogether(before.map((round) => round.cells)));
  const told = idsOf(fresh);
  const others = counting(moment).filter(({ cellId }) => !told.has(cellId));
  const left = startsLeft(moment, input);
  const policy = left === Infinity ? input.policy : { ...input.policy, startingContainerMaximum: left };
  const decision = decide({ ...input, policy, auctions: unplaced(before), cells: [...fresh, ...others] });
  const held = cells.filter(({ cellId }) => !told.has(cellId));
  const excluded = [...decision.excluded, ...held.map(({ cellId }) => ({ cellId, reason: HELD }))];
  return { cells, decision: { ...decision, excluded } };
};

/** The same for cells that are known already. */
export const decideRounds = (backends: readonly Cells[], input: RoundsInput): Decision => {
  const rounds: Round[] = [];
  for (const cells of backends) rounds.push(decideRound(cells, rounds, input));
  return joinRounds(rounds);
};

/** Where cells of several backends have none, the reason of those that came nearest; of equals the first's. */
const further = (one: Failure, other: Failure | undefined): Failure =>
  other !== undefined && reasonRank(other.reason) > reasonRank(one.reason) ? other : one;

const joinTwo = (one: Decision, other: Decision): Decision => {
  const places = new Map<Auction, Placement>();
  for (const { placements } of [one, other])
    for (const placement of placements) places.set(placement.auction, placement);
  const refusals = new Map(other.failures.map((failure) => [failure.auction, failure]));
  return {
    ...one,
    placements: one.consideredOrder.flatMap((auction) => places.get(auction) ?? []),
    failures: one.failures
      .filter(({ auction }) => !places.has(auction))
      .map((failure) => further(failure, refusals.get(failure.auction))),
    excluded: [...one.excluded, ...other.excluded],
  };
};

/** What was decided in all rounds, in the order in which the first considered it. */
export const joinRounds = (rounds: readonly Pick<Round, 'decision'>[]): Decision => {
  const [first, ...later] = rounds.map(({ decision }) => decision);
  if (first === undefined) throw new RangeError('a batch has one round at least');
  return later.reduce(joinTwo, first);
};
