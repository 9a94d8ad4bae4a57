import { OutcryError } from '../../../common/model/errors.js';
import { err } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';
import { createToldCauses } from '../../../common/model/told-causes.js';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { Random } from '../../../common/ports/random.js';
import type { Encoding } from '../codec.js';
import type { KnownSchedulerEvent } from '../events.js';
import { createBackOff } from '../http/back-off.js';
import type { BackOff } from '../http/back-off.js';
import type { MesosTls } from '../http/transport.js';
import type { Masters } from '../leader/masters.js';
import type { CallSubscribe, Draft } from '../messages.js';
import { MAX_RECORD_BYTES } from '../record-io.js';
import type { CallFailure } from './answers.js';
import { leaderless } from './loss.js';
import type { Loss } from './loss.js';
import { Session } from './session.js';
import type { OutgoingCall, SessionOptions } from './session.js';

export type { CallFailure } from './answers.js';
export type { Loss } from './loss.js';
export type { OutgoingCall } from './session.js';

/** ms before the next attempt: at first, and at most */
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 15_000;
/** ms; a subscription that lasted for so long was a good one: waits begin anew after it */
const STABLE_MS = 15_000;
const PATH = '/api/v1/scheduler';
const PIPELINING = 16;

export interface SchedulerHandlers {
  /**
   * Every event of a known type, one after another, in the master's order; ERROR is told as a loss. With SUBSCRIBED every
   * offer of before is void.
   */
  onEvent(event: KnownSchedulerEvent): void;
  /** there is no subscription any more, or none could be had; the client goes on by itself, except after `removed` */
  onLost(loss: Loss): void;
}

export interface SchedulerClientOptions {
  masters: Masters;
  encoding: Encoding;
  credentials?: { readonly principal: string; readonly secret: string };
  /** https to every master */
  tls?: MesosTls;
  /** largest event, bytes; 64 MiB when absent */
  maxEventBytes?: number;
  /** calls under way at once over the one connection, in order; 16 when absent */
  pipelining?: number;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** asked for at each subscription: the framework with its id, once it has one */
  subscription(): Draft<CallSubscribe>;
  handlers: SchedulerHandlers;
  /** begins to subscribe at once; over HTTP when absent */
  openSession?(options: SessionOptions): SchedulerSession;
}

/** One subscription, as the client uses it. */
export type SchedulerSession = Pick<Session, 'server' | 'subscribed' | 'send' | 'end' | 'close'>;

export interface SchedulerClient {
  /** Subscribes, again and again until closed; after `removed` it does so with a new id. */
  start(): void;
  /**
   * Calls are sent in the order in which they are made, each at most once, and only within a subscription: what waits when
   * it is lost is lost with it. The promise never rejects.
   */
  send(call: OutgoingCall): Promise<Result<undefined, CallFailure>>;
  /** Gives the subscription up and takes a new one at once. */
  renew(reason: string): void;
  subscribed(): boolean;
  /** the master that is in use or tried, `http://host:port`; '' = none */
  server(): string;
  close(): Promise<void>;
}

const NOT_SUBSCRIBED: CallFailure = { kind: 'lost', message: 'there is no subscription' };

const overHttp = (options: SessionOptions): SchedulerSession => new Session(options);

class Client implements SchedulerClient {
  private readonly backOff: BackOff;
  private readonly told = createToldCauses();
  private readonly oddities = createToldCauses();
  private readonly unwatch: Cancel;
  private session: SchedulerSession | undefined;
  private timer: Cancel = () => undefined;
  private running = false;

  constructor(private readonly options: SchedulerClientOptions) {
    const { random, masters } = options;
    this.backOff = createBackOff({ random, firstMs: FIRST_WAIT_MS, maxMs: MAX_WAIT_MS });
    this.unwatch = masters.onChange(() => this.onLeader());
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.backOff.reset();
    this.attemptAfter(0);
  }

  async send(call: OutgoingCall): Promise<Result<undefined, CallFailure>> {
    return this.session ? this.session.send(call) : err(NOT_SUBSCRIBED);
  }

  renew(reason: string): void {
    if (this.session) this.session.end('renewed', reason);
    else if (this.running) this.attemptAfter(0);
  }

  subscribed(): boolean {
    return this.session?.subscribed() ?? false;
  }

  server(): string {
    return this.session?.server() ?? '';
  }

  async close(): Promise<void> {
    this.running = false;
    this.unwatch();
    this.timer();
    this.session?.close();
    this.session = undefined;
    await this.options.masters.close();
  }

  private attemptAfter(ms: number): void {
    this.timer();
    this.timer = this.options.clock.after(ms, () => {
      if (this.running && !this.session) this.attempt();
    });
  }

  private attempt(): void {
    const { masters, credentials, tls, encoding, clock, random, maxEventBytes, pipelining } = this.options;
    const master = masters.next();
    if (master === undefined) return this.onLost(leaderless(masters.trouble()), 0);
    const { openSession = overHttp } = this.options;
    this.session = openSession({
      place: { origin: `${tls ? 'https' : 'http'}://${master}`, path: PATH },
      subscribe: this.options.subscription(),
      encoding,
      ...(credentials && { credentials }),
      ...(tls && { tls }),
      maxEventBytes: maxEventBytes ?? MAX_RECORD_BYTES,
      pipelining: pipelining ?? PIPELINING,
      clock,
      random,
      onEvent: (event) => this.onEvent(event),
      onUnreadable: (reason) => this.onUnreadable(reason),
      onLost: (loss, lastedMs) => this.onLost(loss, lastedMs),
    });
  }

  private onEvent(event: KnownSchedulerEvent): void {
    if (event.type === 'SUBSCRIBED') {
      this.told.clear();
      this.options.logger.info('subscribed', {
        server: this.server(),
        framework_id: event.subscribed.frameworkId.value,
        master_id: event.subscribed.masterInfo?.id,
      });
    }
    this.options.handlers.onEvent(event);
  }

  private onUnreadable(reason: string): void {
    const error = new OutcryError('MESOS_EVENT_UNREADABLE', { server: this.server(), reason });
    const { code, message, remedy } = error;
    if (this.oddities.isNew(message)) this.options.logger.warn('event-unreadable', { code, message, remedy });
  }

  private onLost(loss: Loss, lastedMs: number): void {
    this.session = undefined;
    this.logLoss(loss);
    if (loss.kind === 'removed') this.running = false;
    else if (loss.kind === 'renewed' || loss.kind === 'moved') this.attemptAfter(0);
    else {
      if (lastedMs >= STABLE_MS) this.backOff.reset();
      this.attemptAfter(this.backOff.next());
    }
    this.options.handlers.onLost(loss);
  }

  private logLoss({ kind, error }: Loss): void {
    const { logger } = this.options;
    const { code, message, remedy } = error;
    if (kind === 'renewed' || !this.told.isNew(message)) {
      logger.debug('subscription-lost', { kind, code, message });
    } else logger.warn('subscription-lost', { kind, code, message, remedy });
  }

  /** Where another master leads than the one that is in use, nothing more can come of that one. */
  private onLeader(): void {
    if (!this.running) return;
    const { session } = this;
    if (!session) return this.attemptAfter(0);
    const leader = this.options.masters.next();
    if (leader !== undefined && !session.server().endsWith(`//${leader}`)) {
      session.end('moved', `${leader} leads now`);
    }
  }
}

/** A framework's side of the v1 scheduler API. */
export const createSchedulerClient = (options: SchedulerClientOptions): SchedulerClient =>
  new Client(options);
