import type {
  MesosAuction,
  MesosAuctionReply,
  MesosState,
  MesosStateQuery,
  Work,
  WorkReply,
} from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import { createToldCauses } from '../../common/model/told-causes.js';
import { MAX_PAYLOAD_BYTES } from '../../common/ports/bus.js';
import type { Bus, RequestFailure } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { Auction } from '../core/auction.js';
import { isSound } from '../core/bidders.js';
import { requestRuns } from '../core/recording/runs.js';
import type { SoughtCapacity } from '../core/outcomes.js';
import type { CellBackend, CellStates, CommitResult } from './cell-backend.js';
import { createOddities } from './oddities.js';
import type { Oddities } from './oddities.js';

export interface MesosBackendOptions {
  bus: Bus;
  clock: Clock;
  logger: Logger;
  /** ms the bridge has to tell all its bids */
  stateTimeoutMs: number;
  /** ms it has to answer work, and what else it is told of a batch */
  workTimeoutMs: number;
  /** ms for which a bridge that answered too late is asked nothing */
  awayMs: number;
}

type Asked<T> = Result<T, RequestFailure | 'garbled-reply' | 'away'>;

const BLANK: MesosAuction = { traceId: '', work: [], asked: [], lrps: [], tasks: [] };

/**
 * A bridge that answers late is left alone for a while, so that it holds up one batch and not all of them. One that
 * is not there says so at once, and costs nothing.
 */
const createBridge = ({ bus, clock, logger, awayMs }: MesosBackendOptions) => {
  const told = createToldCauses();
  let awayUntil = -Infinity;

  const failed = (cause: RequestFailure | 'garbled-reply'): void => {
    if (cause === 'timeout') awayUntil = clock.monotonic() + awayMs;
    if (told.isNew(cause)) logger.warn('mesos-bridge-silent', { reason: cause });
  };

  return {
    isAway: (): boolean => clock.monotonic() < awayUntil,
    async ask<T>(
      subject: string,
      payload: Uint8Array,
      from: { timeoutMs: number; read(payload: Uint8Array): Result<T, unknown> },
    ): Promise<Asked<T>> {
      if (payload.byteLength > MAX_PAYLOAD_BYTES) return err('too-large');
      const reply = await bus.request(subject, payload, { timeoutMs: Math.max(1, from.timeoutMs) });
      const read = reply.ok ? from.read(reply.payload) : undefined;
      if (read?.ok === true) {
        if (told.clear()) logger.info('mesos-bridge-answers');
        return ok(read.value);
      }
      const cause = reply.ok ? 'garbled-reply' : reply.error;
      failed(cause);
      return err(cause);
    },
  };
};

/** All bids of a bridge, as far as it has told them. */
interface Known {
  /** of which bridge; '' = of none yet */
  readonly incarnation: string;
  /** of its bids; 0 = they were not told to the end */
  version: number;
  /** by cell id; the same object until it has changed */
  readonly bids: Map<string, CellState>;
  /** cells whose bids make no sense */
  readonly odd: Set<string>;
}

const nothingKnown = (incarnation = ''): Known => ({
  incarnation,
  version: 0,
  bids: new Map(),
  odd: new Set(),
});

interface Context extends MesosBackendOptions {
  bridge: ReturnType<typeof createBridge>;
  oddities: Oddities;
}

/** Of each cell what it bids now, where it makes sense. */
const learn = ({ bids, gone }: MesosState, known: Known): void => {
  for (const cellId of gone) {
    known.bids.delete(cellId);
    known.odd.delete(cellId);
  }
  for (const bid of bids) {
    if (bid.cellId !== '' && isSound(bid)) {
      known.bids.set(bid.cellId, bid);
      known.odd.delete(bid.cellId);
    } else {
      known.bids.delete(bid.cellId);
      known.odd.add(bid.cellId);
    }
  }
};

const isOfOneAnswer = (page: MesosState, first: MesosState): boolean =>
  page.incarnation === first.incarnation && page.since === first.since;

/** It tells what has changed since what is known. */
const follows = (known: Known, told: MesosState | undefined): boolean =>
  known.version > 0 && told?.incarnation === known.incarnation && told.since === known.version;

/** Page after page, as far as the time goes, of what has changed since; not whole: these were not all. */
const askPages = async (
  { bridge, clock, stateTimeoutMs }: Context,
  query: Omit<MesosStateQuery, 'after'>,
): Promise<{ pages: MesosState[]; isWhole: boolean }> => {
  const until = clock.monotonic() + stateTimeoutMs;
  const pages: MesosState[] = [];
  for (let after = ''; ;) {
    const page = await bridge.ask(SUBJECTS.mesosState, encode('MesosStateQuery', { ...query, after }), {
      timeoutMs: until - clock.monotonic(),
      read: (payload) => decode('MesosState', payload),
    });
    if (!page.ok || !isOfOneAnswer(page.value, pages[0] ?? page.value)) return { pages, isWhole: false };
    pages.push(page.value);
    const { next } = page.value;
    if (next === '' || next <= after) return { pages, isWhole: true };
    after = next;
  }
};

/** Whoever bid the last time, and of whom nothing is heard now, is missed once: an offer is no presence. */
const createStates = (context: Context) => {
  let known = nothingKnown();

  const ask = (traceId: string): ReturnType<typeof askPages> => {
    const { incarnation, version } = known;
    return askPages(context, { traceId, incarnation, since: version });
  };

  return async (traceId: string): Promise<CellStates> => {
    const { pages, isWhole } = context.bridge.isAway() ? { pages: [], isWhole: false } : await ask(traceId);
    const [first] = pages;
    const before = known;
    const goesOn = isWhole && follows(known, first);
    const isComplete = goesOn || (isWhole && first?.since === 0);
    if (!goesOn) known = nothingKnown(first?.incarnation);
    for (const page of pages) learn(page, known);
    // what was not told to the end is no ground for the next time
    known.version = isComplete ? (first?.version ?? 0) : 0;
    for (const cellId of known.odd) context.oddities.note('impossible-resources', cellId);
    const missed = new Set(known.odd);
    if (!isComplete) for (const id of before.bids.keys()) if (!known.bids.has(id)) missed.add(id);
    context.oddities.tell();
    return { cells: [...known.bids.values()], missed: [...missed] };
  };
};

const tell = (context: Context, message: Partial<MesosAuction>): Promise<Asked<MesosAuctionReply>> =>
  context.bridge.ask(SUBJECTS.mesosAuction, encode('MesosAuction', { ...BLANK, ...message }), {
    timeoutMs: context.workTimeoutMs,
    read: (payload) => decode('MesosAuctionReply', payload),
  });

const resultOf = (cellId: string, told: Asked<MesosAuctionReply>): CommitResult => {
  if (!told.ok)
    return { cellId, answered: false, reason: told.error, unheard: told.error === 'no-responders' };
  const reply = told.value.replies.find((one) => one.cellId === cellId);
  return reply === undefined
    ? { cellId, answered: false, reason: 'the bridge did not answer for it', unheard: false }
    : { cellId, answered: true, outcomes: reply.outcomes };
};

/** Room for the envelope is left. */
const BUDGET = Math.floor(MAX_PAYLOAD_BYTES * 0.8);

/** In messages that are not too large; one work alone is never split. */
const workMessages = (work: readonly Work[]): Work[][] => {
  const messages: Work[][] = [];
  let room = 0;
  for (const one of work) {
    const bytes = encode('Work', one).byteLength;
    if (bytes > room) {
      messages.push([]);
      room = BUDGET;
    }
    messages.at(-1)?.push(one);
    room -= bytes;
  }
  return messages;
};

const commit = async (context: Context, work: readonly Work[]): Promise<CommitResult[]> => {
  const told = workMessages(work).map(async (some) => {
    const reply = await tell(context, { traceId: some[0]?.traceId ?? '', work: some });
    return some.map(({ cellId }) => resultOf(cellId, reply));
  });
  return (await Promise.all(told)).flat();
};

const settle = async (
  context: Context,
  asked: MesosAuction['asked'][number],
  traceId: string,
): Promise<WorkReply['outcomes'] | undefined> => {
  const told = await tell(context, { traceId, asked: [asked] });
  return told.ok ? told.value.replies.find(({ cellId }) => cellId === asked.cellId)?.outcomes : undefined;
};

/** One run after the other, so that a silent bridge is waited for once. */
const seek = async (
  context: Context,
  auctions: readonly Auction[],
  traceId: string,
): Promise<SoughtCapacity> => {
  const sought: SoughtCapacity = new Map();
  if (context.bridge.isAway()) return sought;
  for (const { lrps, tasks } of requestRuns(auctions, traceId)) {
    const told = await tell(context, { traceId, lrps, tasks });
    if (!told.ok && told.error !== 'too-large') break;
    for (const { status, reason, placementIds } of told.ok ? told.value.sought : [])
      for (const id of placementIds) sought.set(id, { status, reason });
  }
  return sought;
};

/** Backend: agents whose offers the Mesos bridge holds (design §7). The bridge never scores, and this one never waits long. */
export const createMesosBackend = (options: MesosBackendOptions): CellBackend => {
  const { logger } = options;
  const context: Context = { ...options, bridge: createBridge(options), oddities: createOddities(logger) };
  return {
    states: createStates(context),
    commit: (work) => commit(context, work),
    settle: (cellId, placementIds, traceId) =>
      settle(
        context,
        { cellId, placementIds: [...placementIds], deadlineMs: options.workTimeoutMs },
        traceId,
      ),
    seek: (auctions, traceId) => seek(context, auctions, traceId),
  };
};
