import { createHash } from 'node:crypto';
import type {
  Batches,
  BatchesQuery,
  ExplainQuery,
  Explanation,
  Replay,
  ReplayQuery,
} from '../../common/model/auction-questions.js';
import type { Clock } from '../../common/ports/clock.js';
import { auctionId } from '../core/auction.js';
import { explain } from '../core/explanation.js';
import { consideredOrder } from '../core/order.js';
import { type Ended, endsOf, placedBefore, worthExplaining } from '../core/recording/choose.js';
import {
  type DecisionLine,
  decisionLines,
  differencesOf,
  readDecisionLine,
} from '../core/recording/lines.js';
import { toldOf, unheardOf } from '../core/recording/told.js';
import { cellsTogether, decideRounds, roundsUpTo } from '../core/rounds.js';
import type { Scorer } from '../core/scorer.js';
import { type BatchRecord, auctionsOf, exceptionsAt, linesOf, mayHave, roundsOf } from './record.js';
import type { Recorder } from './recorder.js';
import { type Slices, createSlices } from './slices.js';

export interface AnswersOptions {
  recorder: Recorder;
  clock: Clock;
  /** the policy of one's own, if there is one: batches are decided again by it */
  scorer?: Scorer | undefined;
  /** whether an auction with this id, or of this guid, goes into the next batch */
  waits(id: string): boolean;
}

/** What is told of the recorded batches. */
export interface Answers {
  batches(query: BatchesQuery): Promise<Batches>;
  explain(query: ExplainQuery): Promise<Explanation>;
  replay(query: ReplayQuery): Promise<Replay>;
}

/** Batches, differences and ids that are told at most. */
const MANY_BATCHES = 500;
const MANY_DIFFERENCES = 5;
const MANY_CANDIDATES = 10;

/** Without the index of an instance. A task's guid may look as if it had one: what remains is a part of it. */
const searchedGuid = (id: string): string => id.replace(/\.\d+$/, '');

interface Found {
  record: BatchRecord;
  ends: Ended[];
  considered: Ended['auction'][];
  lines: DecisionLine[];
}

const lookInto = async (record: BatchRecord, id: string, slices: Slices): Promise<Found | undefined> => {
  if (!mayHave(record, searchedGuid(id))) return undefined;
  const considered = consideredOrder(await auctionsOf(record, slices), record.sorting);
  const lines = linesOf(record).map(readDecisionLine);
  const ends = endsOf({ considered, lines, exceptions: exceptionsAt(record) }, id);
  return ends.length === 0 ? undefined : { record, ends, considered, lines };
};

/** The latest batch that has it. */
const findLatest = async (
  records: readonly BatchRecord[],
  id: string,
  slices: Slices,
): Promise<Found | undefined> => {
  for (const record of records) {
    const found = await lookInto(record, id, slices);
    if (found !== undefined) return found;
    await slices.rest();
  }
  return undefined;
};

const sha256 = (lines: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest('hex');
};

const NO_REPLAY: Omit<Replay, 'recording'> = {
  state: 'no_such_batch',
  id: '',
  at: 0,
  placements: 0,
  failures: 0,
  sha256: '',
  replayedSha256: '',
  differences: [],
  moreDifferences: 0,
  candidates: [],
};

export const createAnswers = ({ recorder, clock, scorer, waits }: AnswersOptions): Answers => {
  const replayOf = async (record: BatchRecord): Promise<Omit<Replay, 'recording'>> => {
    const slices = createSlices(clock);
    const [rounds, auctions] = [await roundsOf(record, slices), await auctionsOf(record, slices)];
    const decision = decideRounds(rounds, { auctions, policy: record.policy, scorer });
    const [recorded, replayed] = [linesOf(record), [...decisionLines(decision)]];
    const { differences, more } = differencesOf(recorded, replayed, MANY_DIFFERENCES);
    return {
      ...NO_REPLAY,
      state: differences.length === 0 ? 'same' : 'different',
      id: record.summary.id,
      at: record.summary.at,
      placements: decision.placements.length,
      failures: decision.failures.length,
      sha256: sha256(recorded),
      replayedSha256: sha256(replayed),
      differences,
      moreDifferences: more,
    };
  };

  const detailsOf = async ({ record, considered, lines }: Found, { auction, line, cellId }: Ended) => {
    const rounds = await roundsOf(record, createSlices(clock));
    const cells = cellsTogether(roundsUpTo(rounds, cellId));
    const before = placedBefore(considered, lines, line);
    return toldOf(explain({ cells, auctions: considered, policy: record.policy, scorer, before, auction }));
  };

  const toldEnd = async (found: Found, end: Ended, brief: boolean): Promise<Explanation> => {
    const { auction, line: _, ...told } = end;
    const details = brief ? {} : await detailsOf(found, end);
    return {
      ...unheardOf(auctionId(auction), recorder.on),
      ...told,
      batchId: found.record.summary.id,
      at: found.record.summary.at,
      instances: found.ends.length,
      instancesPlaced: found.ends.filter(({ state }) => state === 'placed').length,
      ...details,
    };
  };

  return {
    async batches({ limit }) {
      await recorder.settled();
      const records = recorder.records();
      const shown = Math.min(limit, MANY_BATCHES);
      return {
        recording: recorder.on,
        batches: records.slice(0, shown).map(({ summary }) => summary),
        moreBatches: Math.max(0, records.length - shown),
        dropped: recorder.held().dropped,
      };
    },

    async explain({ id, brief }) {
      await recorder.settled();
      const found = await findLatest(recorder.records(), id, createSlices(clock));
      const end = found && worthExplaining(found.ends);
      const told =
        found !== undefined && end !== undefined
          ? await toldEnd(found, end, brief)
          : unheardOf(id, recorder.on);
      const waiting = waits(id) && (told.state === 'unheard' || told.retried);
      return waiting ? { ...told, state: 'waiting' } : told;
    },

    async replay({ batch }) {
      await recorder.settled();
      const recording = recorder.on;
      const records = recorder.records().filter(({ summary }) => summary.id.startsWith(batch));
      const [record, ...others] = records;
      if (record === undefined || batch === '') return { ...NO_REPLAY, recording };
      if (others.length === 0) return { ...(await replayOf(record)), recording };
      const candidates = records.slice(0, MANY_CANDIDATES).map(({ summary }) => summary.id);
      return { ...NO_REPLAY, state: 'ambiguous', candidates, recording };
    },
  };
};
