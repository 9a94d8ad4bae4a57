import type { Ack, AuctionAck, AuctionRequest, LrpStart, TaskStart } from '../../common/model/auction.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject, SUBJECTS } from '../../common/wire/subjects.js';
import { isToken } from '../../common/model/ids.js';
import type { BbsConfig } from '../config.js';
import type { Effect } from '../core/decision.js';
import { lrpRequests, taskRequests } from './auction-requests.js';

export interface EffectsOptions {
  bus: Bus;
  logger: Logger;
  config: BbsConfig;
  /** no auctioneer took a request: ask again in a while */
  onUnheard(): void;
  onHeard(): void;
  converge(processGuid: string, index: number): void;
  callback(taskGuid: string, traceId: string): void;
}

export interface Effects {
  /** sends what one commit gave out; nothing waits for it, and it never throws */
  send(effects: readonly { effect: Effect; traceId: string }[]): void;
  /** whether a rejection of that task now is one of its retries (design §8.2) */
  counted(taskGuid: string): boolean;
  forget(taskGuid: string): void;
  /** nothing is asked for any more when the bus comes back */
  stop(): void;
}

type CellEffect = Extract<Effect, { cellId: string }>;

const cellMessage = (effect: CellEffect, traceId: string): { subject: string; payload: Uint8Array } => {
  const { kind, cellId } = effect;
  const subject = cellSubject(cellId, kind);
  switch (kind) {
    case 'stop': {
      const { key, instanceGuid } = effect;
      return { subject, payload: encode('StopRequest', { ...key, traceId, instanceGuid }) };
    }
    case 'cancel':
      return { subject, payload: encode('CancelRequest', { traceId, taskGuid: effect.taskGuid }) };
    case 'update': {
      const { key, instanceGuid, internalRoutes, metricTags } = effect;
      const request = { ...key, traceId, instanceGuid, internalRoutes, metricTags };
      return { subject, payload: encode('UpdateRequest', request) };
    }
  }
};

/** Messages to reps. One that is not acknowledged is sent again by convergence while it still applies. */
const createCellMessages = ({ bus, logger, config }: EffectsOptions) => {
  const told = (subject: string, ack: Ack | undefined, error: string): void => {
    if (ack?.accepted) logger.debug('rep-request.complete', { subject });
    else logger.info('rep-request.failed', { subject, error: ack?.reason ?? error });
  };
  return async (effect: CellEffect, traceId: string): Promise<void> => {
    if (!isToken(effect.cellId)) return logger.warn('rep-request.no-such-cell', { cellId: effect.cellId });
    const { subject, payload } = cellMessage(effect, traceId);
    const reply = await bus.request(subject, payload, { timeoutMs: config.requestTimeoutMs });
    if (!reply.ok) return told(subject, undefined, reply.error);
    const ack = decode('Ack', reply.payload);
    told(subject, ack.ok ? ack.value : undefined, 'unreadable');
  };
};

const createAuctionMessages = (options: EffectsOptions) => {
  const { bus, logger, config } = options;

  const acknowledged = (ack: AuctionAck): void => {
    for (const { id, reason } of ack.dropped) logger.warn('request-auctions.dropped', { id, reason });
    logger.debug('request-auctions.complete', { accepted: ack.accepted });
    options.onHeard();
  };

  const unheard = (subject: string, error: string): void => {
    logger.info('request-auctions.failed', { subject, error });
    options.onUnheard();
  };

  return async (subject: string, request: AuctionRequest): Promise<void> => {
    logger.debug('request-auctions.starting', {
      traceId: request.traceId,
      lrps: request.lrps.length,
      tasks: request.tasks.length,
    });
    const payload = encode('AuctionRequest', request);
    const reply = await bus.request(subject, payload, { timeoutMs: config.requestTimeoutMs });
    if (!reply.ok) return unheard(subject, reply.error);
    const ack = decode('AuctionAck', reply.payload);
    if (ack.ok) acknowledged(ack.value);
    else unheard(subject, ack.error.message);
  };
};

/**
 * Nothing is made of a request while there is no bus to carry it, which would be the more the longer it is away: all
 * that has no place is asked for again when it is back.
 */
const createMissed = ({ bus, logger, onUnheard }: EffectsOptions) => {
  let missed = false;
  const stop = bus.onConnection((up) => {
    if (up && missed) onUnheard();
    if (up) missed = false;
  });
  return {
    stop,
    miss(): void {
      if (!missed) logger.info('request-auctions.failed', { error: 'disconnected' });
      missed = true;
    },
  };
};

/** What one commit asks to be auctioned, by the request that caused it. */
interface Wanted {
  lrps: LrpStart[];
  tasks: TaskStart[];
}

export const createEffects = (options: EffectsOptions): Effects => {
  const { bus, logger } = options;
  const toCell = createCellMessages(options);
  const toAuctioneer = createAuctionMessages(options);
  const { miss, stop } = createMissed(options);
  /** tasks last asked for only because room appeared */
  const extra = new Set<string>();

  /** what fails costs none of the others */
  const guard = (work: () => unknown): void => unattended({ logger, event: 'effect-failed' }, work);

  const wantTask = (effect: Extract<Effect, { kind: 'auction-task' }>, wanted: Wanted): void => {
    if (effect.counted) extra.delete(effect.start.taskGuid);
    else extra.add(effect.start.taskGuid);
    wanted.tasks.push(effect.start);
  };

  const sendOne = (effect: Effect, traceId: string, wanted: Wanted): void => {
    switch (effect.kind) {
      case 'auction-lrps':
        return void wanted.lrps.push(effect.start);
      case 'auction-task':
        return wantTask(effect, wanted);
      case 'converge':
        return options.converge(effect.processGuid, effect.index);
      case 'callback':
        return options.callback(effect.taskGuid, traceId);
      case 'stop':
      case 'cancel':
      case 'update':
        return guard(() => toCell(effect, traceId));
    }
  };

  const request = (traceId: string, { lrps, tasks }: Wanted): void => {
    if (!bus.connected() && lrps.length + tasks.length > 0) return miss();
    for (const wanted of lrpRequests(traceId, lrps)) guard(() => toAuctioneer(SUBJECTS.auctionLrps, wanted));
    for (const wanted of taskRequests(traceId, tasks))
      guard(() => toAuctioneer(SUBJECTS.auctionTasks, wanted));
  };

  return {
    send(effects) {
      const byTrace = new Map<string, Wanted>();
      for (const { effect, traceId } of effects) {
        const wanted = byTrace.get(traceId) ?? { lrps: [], tasks: [] };
        byTrace.set(traceId, wanted);
        guard(() => sendOne(effect, traceId, wanted));
      }
      for (const [traceId, wanted] of byTrace) guard(() => request(traceId, wanted));
    },
    counted: (taskGuid) => !extra.has(taskGuid),
    forget: (taskGuid) => void extra.delete(taskGuid),
    stop,
  };
};
