import type { ActualLrpApi, TaskApi } from '../../bbs/index.js';
import type {
  Batches,
  Explanation,
  Replay,
  WhatIf,
  WhatIfQuery,
} from '../../common/model/auction-questions.js';
import { nearest } from '../../common/model/nearest.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Random } from '../../common/ports/random.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { auctionNames, instanceReason, slotOf, taskReason } from '../core/auction-names.js';
import { type ApiFailure, codedFailure, refuseCoded } from '../core/failure.js';
import type { ReadTables } from '../core/rows.js';
import { type Question, askActive } from './questions.js';

type Answer<T> = Promise<Result<T, ApiFailure[]>>;

/** What people ask the active auctioneer. Nothing of it changes anything. */
export interface Auctions {
  batches(limit: number): Answer<Batches>;
  /** `name`: of an application, or what the BBS calls it: a process guid, a task guid, with `.index` an instance */
  explain(name: string): Answer<Explanation>;
  replay(batch: string): Answer<Replay>;
  whatIf(question: Omit<WhatIfQuery, 'traceId'>): Answer<WhatIf>;
}

export interface AuctionsOptions {
  bus: Bus;
  bbs: Pick<ActualLrpApi, 'actualLrps'> & Pick<TaskApi, 'task'>;
  tables: ReadTables;
  random: Random;
  /** ms the auctioneer has */
  timeoutMs: number;
}

const unavailable = 'AUCTIONEER_UNAVAILABLE';

const QUESTIONS = {
  batches: {
    subject: SUBJECTS.auctionBatches,
    names: { query: 'BatchesQuery', answer: 'Batches' },
    unavailable,
  },
  explain: {
    subject: SUBJECTS.auctionExplain,
    names: { query: 'ExplainQuery', answer: 'Explanation' },
    unavailable,
  },
  replay: { subject: SUBJECTS.auctionReplay, names: { query: 'ReplayQuery', answer: 'Replay' }, unavailable },
  whatIf: { subject: SUBJECTS.auctionWhatIf, names: { query: 'WhatIfQuery', answer: 'WhatIf' }, unavailable },
} as const;

const refusedReplay = (batch: string, { state, recording, candidates }: Replay): ApiFailure | undefined => {
  if (!recording) return codedFailure('RECORDING_OFF');
  if (state === 'no_such_batch') return codedFailure('BATCH_UNKNOWN', { batch });
  if (state === 'ambiguous')
    return codedFailure('BATCH_AMBIGUOUS', { batch, candidates: candidates.join(', ') });
  return undefined;
};

const refusedWhatIf = (answer: WhatIf): ApiFailure | undefined => {
  const [cell] = answer.unknownCells;
  const meant = nearest(cell ?? '', answer.known);
  if (cell !== undefined) {
    return codedFailure('CELL_UNKNOWN', {
      cell,
      nearest: meant === undefined ? '' : `; did you mean '${meant}'?`,
    });
  }
  const [zone] = answer.unknownZones;
  if (zone !== undefined)
    return codedFailure('ZONE_UNKNOWN', { zone, zones: answer.known.join(', ') || 'none' });
  return answer.problem === '' ? undefined : codedFailure('WHAT_IF_UNANSWERED', { reason: answer.problem });
};

const refused = <T>(value: T, failure: ApiFailure | undefined): Result<T, ApiFailure[]> =>
  failure === undefined ? ok(value) : err([failure]);

export const createAuctions = (options: AuctionsOptions): Auctions => {
  const { bbs, tables, random } = options;

  const ask = <Q extends WireName, A extends WireName>(
    question: Question<Q, A>,
    query: WireMessages[Q],
  ): Answer<WireMessages[A]> => askActive(options, question, query);

  /** What the BBS says of what no recorded batch has; undefined when it does not know it either. */
  const whereIs = async (id: string): Promise<string | undefined> => {
    const task = await bbs.task(id);
    if (task.ok) return taskReason(task.value);
    const rows = await bbs.actualLrps(slotOf(id));
    if (!rows.ok) return `and the bulletin board does not say where it is: ${rows.error.message}`;
    // what waits is what people ask about
    const row = rows.value.find(({ state }) => state === 'UNCLAIMED') ?? rows.value[0];
    return row && instanceReason(row);
  };

  const unknown = async (name: string, ids: readonly string[]): Answer<Explanation> => {
    for (const id of ids) {
      const reason = await whereIs(id);
      if (reason !== undefined) return refuseCoded('AUCTION_UNKNOWN', { id: name, reason });
    }
    const reason = 'no application, process or task that is to run now is called so';
    return refuseCoded('AUCTION_UNKNOWN', { id: name, reason });
  };

  return {
    batches: (limit) => ask(QUESTIONS.batches, { traceId: random.uuid(), limit }),

    async explain(name) {
      const ids = auctionNames(tables, name);
      let recording = true;
      for (const id of ids) {
        const answer = await ask(QUESTIONS.explain, { traceId: random.uuid(), id, brief: false });
        if (!answer.ok || answer.value.state !== 'unheard') return answer;
        recording = answer.value.recording;
      }
      return recording ? unknown(name, ids) : refuseCoded('RECORDING_OFF');
    },

    async replay(batch) {
      const answer = await ask(QUESTIONS.replay, { traceId: random.uuid(), batch });
      return answer.ok ? refused(answer.value, refusedReplay(batch, answer.value)) : answer;
    },

    async whatIf(question) {
      const answer = await ask(QUESTIONS.whatIf, { traceId: random.uuid(), ...question });
      return answer.ok ? refused(answer.value, refusedWhatIf(answer.value)) : answer;
    },
  };
};
