import type { LeaseReply, LeaseRequest } from '../../common/model/auction.js';
import { OutcryError } from '../../common/model/errors.js';
import { createToldCauses } from '../../common/model/told-causes.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject } from '../../common/wire/subjects.js';
import type { CoordinationApi } from '../../bbs/index.js';

/** unknown: nobody has answered yet · held · refused: another cell has this id */
export type PresenceStatus = 'unknown' | 'held' | 'refused';

export interface PresenceOptions {
  cellId: string;
  owner: string;
  /** the CellPresence as JSON */
  value: string;
  ttlMs: number;
  everyMs: number;
  bus: Bus;
  bbs: Pick<CoordinationApi, 'acquireLease' | 'releaseLease'>;
  clock: Clock;
  logger: Logger;
  onChange(status: PresenceStatus): void;
}

export interface Presence {
  start(): void;
  /** `release`: the cell is gone at once; otherwise its lease runs out, or its next start takes it up */
  stop(release: boolean): Promise<void>;
  status(): PresenceStatus;
  /** whether the last attempt was answered, over the bus or over HTTP */
  answered(): boolean;
}

/** ms that an answer over the bus may take before HTTP is tried */
const BUS_PATIENCE_MS = 2_000;
/** ms between attempts until the first answer */
const EAGER_MS = 500;

/**
 * Keeps the cell's lease at the BBS: over the bus, and over HTTP when the bus does not answer, so that
 * neither alone makes a cell look lost (design §8.6). No answer at all changes nothing: what runs, runs on.
 */
export const createPresence = (options: PresenceOptions): Presence => {
  const { cellId, owner, bus, bbs, clock, logger } = options;
  const request: LeaseRequest = { name: `cell/${cellId}`, owner, ttlMs: options.ttlMs, value: options.value };
  const told = createToldCauses();
  let status: PresenceStatus = 'unknown';
  let holder = '';
  let answered = false;
  let timer: Cancel | undefined;
  let working: Promise<void> | undefined;
  let stopped = false;

  const overBus = async (): Promise<LeaseReply | undefined> => {
    const payload = encode('LeaseRequest', request);
    const answer = await bus.request(cellSubject(cellId, 'presence'), payload, {
      timeoutMs: BUS_PATIENCE_MS,
    });
    if (!answer.ok) return undefined;
    const reply = decode('LeaseReply', answer.payload);
    return reply.ok ? reply.value : undefined;
  };

  const overHttp = async (): Promise<LeaseReply | undefined> => {
    const reply = await bbs.acquireLease(request);
    if (reply.ok) return reply.value;
    if (told.isNew(reply.error.message)) logger.warn('presence-not-renewed', { error: reply.error });
    return undefined;
  };

  const become = (next: PresenceStatus): void => {
    if (status === next) return;
    status = next;
    options.onChange(next);
  };

  const take = (reply: LeaseReply): void => {
    told.clear();
    if (reply.held) {
      if (status !== 'held') logger.info('presence-acquired', { epoch: reply.epoch });
      holder = '';
      return become('held');
    }
    if (holder !== reply.holder) {
      holder = reply.holder;
      const error = new OutcryError('CELL_ID_IN_USE', { cellId, holder });
      logger.error('lock-collision', { code: error.code, reason: error.message, remedy: error.remedy });
    }
    become('refused');
  };

  const renew = async (): Promise<void> => {
    const reply = (await overBus()) ?? (await overHttp());
    answered = reply !== undefined;
    if (reply !== undefined && !stopped) take(reply);
  };

  const round = (): void => {
    working = renew()
      .catch((error: unknown) => logger.error('presence-renewal-failed', { error }))
      .then(() => {
        working = undefined;
        if (!stopped) timer = clock.after(status === 'unknown' ? EAGER_MS : options.everyMs, round);
      });
  };

  return {
    start: round,
    async stop(release) {
      stopped = true;
      timer?.();
      await working;
      if (release && status === 'held') await bbs.releaseLease(request.name, owner);
    },
    status: () => status,
    answered: () => answered,
  };
};
