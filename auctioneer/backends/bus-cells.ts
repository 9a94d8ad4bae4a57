import type { CoordinationApi } from '../../bbs/index.js';
import type { OutcomeQuery, Work, WorkReply } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { Bus, RequestFailure, RequestResult } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { type ToldCauses, createToldCauses } from '../../common/model/told-causes.js';
import { unattended } from '../../common/runtime/unattended.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS, bbsEventSubject, cellSubject } from '../../common/wire/subjects.js';
import { isSound } from '../core/bidders.js';
import type { CellBackend, CellStates, CommitResult } from './cell-backend.js';
import { createKnownCells } from './known-cells.js';
import type { KnownCells } from './known-cells.js';
import { createOddities } from './oddities.js';
import type { Oddities } from './oddities.js';

export interface BusCellsOptions {
  bus: Bus;
  bbs: Pick<CoordinationApi, 'cells'>;
  clock: Clock;
  logger: Logger;
  /** ms to wait for states when all cells are asked */
  stateTimeoutMs: number;
  /** ms after which all cells are asked again, one after the other, lest a lost message be believed for ever */
  refreshEveryMs: number;
  /** ms a cell has to answer its work */
  workTimeoutMs: number;
}

/** Cells over the bus, and what keeps their states up to date. */
export interface BusCells extends CellBackend {
  /** hears of changes from now on; until then, and while the bus is away, every batch asks all cells */
  listen(): Cancel;
}

interface Context extends BusCellsOptions {
  known: KnownCells;
  oddities: Oddities;
  /** why the BBS did not say who is present */
  unsaid: ToldCauses;
}

const isUsable = (state: CellState): boolean => state.cellId !== '' && isSound(state);

const hearState = ({ known, oddities }: Context, state: CellState): void => {
  if (!isUsable(state)) oddities.note('impossible-resources', state.cellId);
  else if (!known.hear(state)) oddities.note('unknown-cell', state.cellId);
};

const hear = (context: Context, payload: Uint8Array): void => {
  const state = decode('CellState', payload);
  if (state.ok) hearState(context, state.value);
  else context.oddities.note('unreadable-state', state.error.message);
};

/** Cells that have a presence; undefined: the BBS cannot say. */
const presentCells = async ({ bbs, logger, unsaid }: Context): Promise<Set<string> | undefined> => {
  const present = await bbs.cells();
  if (present.ok) {
    unsaid.clear();
    return new Set(present.value.map(({ cellId }) => cellId));
  }
  const { type: code, message: reason } = present.error;
  if (unsaid.isNew(reason)) logger.warn('failed-to-list-cells', { code, reason });
  return undefined;
};

/** Asks who is present, then all cells for their states. */
const askAll = async (context: Context, traceId: string): Promise<boolean> => {
  const { bus, known, stateTimeoutMs } = context;
  const round = known.beginRound();
  try {
    const ids = await presentCells(context);
    known.setPresent(ids);
    // Only cells with a presence take part; when the BBS cannot say, all that answer do.
    if (ids?.size === 0) return true;
    await bus.gather(SUBJECTS.cellState, encode('Traced', { traceId }), {
      timeoutMs: stateTimeoutMs,
      // not so many answers, but those of all: one that answers twice is not to stand for another
      onAnswer(answer) {
        hear(context, answer);
        return round.hasAll();
      },
    });
    return ids !== undefined;
  } finally {
    round.end();
  }
};

/** What a cell answered, which tells of its state too. */
const readReply = (
  context: Context,
  cellId: string,
  reply: RequestResult,
): Result<WorkReply, RequestFailure | 'garbled-reply'> => {
  const decoded = reply.ok ? decode('WorkReply', reply.payload) : undefined;
  // what became of its work is not known, so neither is what it has left
  if (decoded?.ok !== true || decoded.value.cellId !== cellId) {
    context.known.forget(cellId);
    return err(reply.ok ? 'garbled-reply' : reply.error);
  }
  const { state } = decoded.value;
  if (state?.cellId === cellId) hearState(context, state);
  return ok(decoded.value);
};

const askOutcome = async (context: Context, cellId: string, query: OutcomeQuery) => {
  const { bus, workTimeoutMs: timeoutMs } = context;
  const payload = encode('OutcomeQuery', query);
  return readReply(
    context,
    cellId,
    await bus.request(cellSubject(cellId, 'outcome'), payload, { timeoutMs }),
  );
};

const askState = (context: Context, cellId: string, traceId: string): void => {
  const query: OutcomeQuery = { traceId, placementIds: [], deadlineMs: 0 };
  unattended({ logger: context.logger, event: 'failed-to-ask-cell' }, () =>
    askOutcome(context, cellId, query),
  );
};

/** ms between two slices of those that are asked in turn */
const SLICE_MS = 100;
/** of the time until all are asked in turn again, this share is taken for it */
const TURN_SHARE = 1 / 2;

/**
 * Asks who is present, then one cell after the other, those first of which nothing is known, lest a lost message be
 * believed for ever: if thousands answered at once, batches would wait for it. Answers are not waited for.
 * `isWanted`: while the BBS is asked, it may come to be that all are asked at once.
 */
const askInTurn = async (context: Context, isWanted: () => boolean): Promise<void> => {
  const { clock, known, refreshEveryMs } = context;
  const round = known.beginRound();
  const present = await presentCells(context);
  const ids = isWanted() ? present : undefined;
  if (ids !== undefined) known.setPresent(ids);
  round.abandon();
  if (ids === undefined) return;
  const inTurn = [...ids].sort((a, b) => Number(known.isHeard(a)) - Number(known.isHeard(b)));
  const slice = Math.max(1, Math.ceil((inTurn.length * SLICE_MS) / (refreshEveryMs * TURN_SHARE)));
  for (let at = 0; at < inTurn.length; at += slice) {
    for (const id of inTurn.slice(at, at + slice)) askState(context, id, '');
    await clock.sleep(SLICE_MS);
  }
};

const resultOf = (context: Context, work: Work, answer: RequestResult): CommitResult => {
  const { cellId } = work;
  const reply = readReply(context, cellId, answer);
  if (!reply.ok)
    return { cellId, answered: false, reason: reply.error, unheard: reply.error === 'no-responders' };
  const { outcomes, state } = reply.value;
  const tookAll = outcomes.every(({ status }) => status === 'accepted');
  if (state === undefined && tookAll) context.known.reserve(work);
  return { cellId, answered: true, outcomes };
};

const commit = async (context: Context, work: readonly Work[]): Promise<CommitResult[]> => {
  const requests = work.map((one) => ({
    subject: cellSubject(one.cellId, 'work'),
    payload: encode('Work', one),
  }));
  const results = Array.from<CommitResult>({ length: work.length });
  await context.bus.requestAll(requests, {
    timeoutMs: context.workTimeoutMs,
    // as it comes: what a cell tells of itself next is to count afterwards
    onResult: (at, answer) => void (results[at] = resultOf(context, work[at] as Work, answer)),
  });
  return results;
};

/** Messages that change what is known. */
const subscribeChanges = (context: Context): Cancel[] => {
  const { bus, known } = context;
  const onPresence = (payload: Uint8Array): void => {
    const event = decode('BbsEvent', payload);
    if (!event.ok) return;
    const { value } = event;
    if (value.kind === 'cell_disappeared') return known.disappeared(value.cellId);
    if (value.kind !== 'cell_appeared') return;
    known.appeared(value.cellId);
    if (!known.isHeard(value.cellId)) askState(context, value.cellId, value.traceId);
  };
  return [
    bus.subscribe(SUBJECTS.cellChanged, ({ payload }) => hear(context, payload)),
    ...(['cell_appeared', 'cell_disappeared'] as const).map((kind) =>
      bus.subscribe(bbsEventSubject(kind), ({ payload }) => onPresence(payload)),
    ),
  ];
};

/** Backend: cells reached over the bus, of which the latest states are kept. */
export const createBusCells = (options: BusCellsOptions): BusCells => {
  const { bus, clock, logger } = options;
  const known = createKnownCells();
  const oddities = createOddities(logger);
  const context: Context = { ...options, known, oddities, unsaid: createToldCauses() };
  let listening = false;
  /** whether all have been asked since changes are heard */
  let asked = false;
  let asking: Promise<void> | undefined;
  /** all are asked as soon as changes are heard: the first batch is not to wait for what can be known before it comes */
  let beginning: Promise<void> = Promise.resolve();

  const refresh = (traceId: string): Promise<void> => {
    asking ??= askAll(context, traceId)
      .then((complete) => void (asked = listening && complete && bus.connected()))
      .finally(() => {
        asking = undefined;
        oddities.tell();
      });
    return asking;
  };

  /** all have been asked, and none of it has to be asked again */
  const isCurrent = (): boolean => asked && asking === undefined;

  return {
    async states(traceId): Promise<CellStates> {
      await beginning;
      if (!asked) await refresh(traceId);
      const found = known.states();
      // nobody there: whoever asks again wants to know
      if (found.cells.length === 0) asked = false;
      return found;
    },
    commit: (work) => commit(context, work),
    async settle(cellId, placementIds, traceId) {
      const query = { traceId, placementIds: [...placementIds], deadlineMs: options.workTimeoutMs };
      const reply = await askOutcome(context, cellId, query);
      return reply.ok ? reply.value.outcomes : undefined;
    },
    listen() {
      listening = true;
      let timer: Cancel | undefined;
      const again = (): void => {
        timer = clock.after(options.refreshEveryMs, () => {
          unattended({ logger, event: 'failed-to-ask-cells' }, async () => {
            // else the next batch asks them
            if (isCurrent()) await askInTurn(context, isCurrent);
            oddities.tell();
          });
          again();
        });
      };
      again();
      const hearing = subscribeChanges(context);
      beginning = refresh('')
        .catch((error: unknown) => logger.error('failed-to-ask-cells', { error }))
        .then(() => void (asked &&= known.states().cells.length > 0));
      const cancels = [...hearing, bus.onConnection(() => void (asked = false)), () => timer?.()];
      return () => {
        cancels.forEach((cancel) => cancel());
        listening = asked = false;
        known.clear();
      };
    },
  };
};
