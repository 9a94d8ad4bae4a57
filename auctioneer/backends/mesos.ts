import type {
  MesosAuction,
  MesosAuctionReply,
  MesosState,
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

interface Told {
  bids: Map<string, CellState>;
  missed: Set<string>;
}

interface Context extends MesosBackendOptions {
  bridge: ReturnType<typeof createBridge>;
  oddities: Oddities;
}

/** Those that make sense, each cell once; `missed`: those that do not. */
const take = ({ oddities }: Context, { bids }: MesosState, into: Told): void => {
  for (const bid of bids) {
    if (bid.cellId !== '' && isSound(bid)) {
      into.bids.set(bid.cellId, bid);
      continue;
    }
    oddities.note('impossible-resources', bid.cellId);
    into.missed.add(bid.cellId);
  }
};

/** Page after page, as far as the time goes: what was told by then bids. False: these were not all. */
const askBids = async (context: Context, traceId: string, into: Told): Promise<boolean> => {
  const { bridge, clock, stateTimeoutMs } = context;
  const until = clock.monotonic() + stateTimeoutMs;
  for (let after = ''; ;) {
    const page = await bridge.ask(SUBJECTS.mesosState, encode('MesosStateQuery', { traceId, after }), {
      timeoutMs: until - clock.monotonic(),
      read: (payload) => decode('MesosState', payload),
    });
    if (!page.ok) return false;
    take(context, page.value, into);
    const { next } = page.value;
    if (next === '' || next <= after) return true;
    after = next;
  }
};

/** Whoever bid the last time, and of whom nothing is heard now, is missed once: an offer is no presence. */
const createStates = (context: Context) => {
  let before: ReadonlyMap<string, CellState> = new Map();
  return async (traceId: string): Promise<CellStates> => {
    const told: Told = { bids: new Map(), missed: new Set() };
    const isWhole = !context.bridge.isAway() && (await askBids(context, traceId, told));
    if (!isWhole) for (const id of before.keys()) if (!told.bids.has(id)) told.missed.add(id);
    before = told.bids;
    context.oddities.tell();
    return { cells: [...told.bids.values()], missed: [...told.missed] };
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
