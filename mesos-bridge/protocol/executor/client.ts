import { OutcryError } from '../../../common/model/errors.js';
import { createToldCauses } from '../../../common/model/told-causes.js';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { Random } from '../../../common/ports/random.js';
import type { Encoding } from '../codec.js';
import type { KnownExecutorEvent } from '../events.js';
import type { MesosTls } from '../http/transport.js';
import type { Draft, TaskStatus } from '../messages.js';
import type { CallFailure } from '../scheduler/answers.js';
import type { Loss } from '../scheduler/loss.js';
import type { ExecutorEnvironment } from './environment.js';
import { ExecutorSession } from './session.js';
import type { ExecutorSessionOptions } from './session.js';
import { createUnacknowledged } from './unacknowledged.js';
import type { Earlier, Unacknowledged, Update } from './unacknowledged.js';

/** What an executor tells of a task; the rest is filled in. */
export type ExecutorStatus = Omit<
  Draft<TaskStatus>,
  'uuid' | 'source' | 'executorId' | 'timestamp' | 'unreachableTime'
>;

export interface ExecutorHandlers {
  /** every event of a known type but ERROR, one after another, in the agent's order */
  onEvent(event: KnownExecutorEvent): void;
  /** the agent is away for now */
  onLost(loss: Loss): void;
  /** once: there will be no agent any more. Kill everything, and end. */
  onGone(error: OutcryError): void;
}

export interface ExecutorClientOptions {
  environment: ExecutorEnvironment;
  encoding: Encoding;
  /** where the agent speaks https */
  tls?: MesosTls;
  clock: Clock;
  random: Random;
  logger: Logger;
  handlers: ExecutorHandlers;
  /** what an earlier life of this executor has not heard acknowledged; nothing when absent */
  earlier?: Earlier;
  /** begins to subscribe at once; over HTTP when absent */
  openSession?(options: ExecutorSessionOptions): OpenExecutorSession;
}

/** One subscription, as the client uses it. */
export type OpenExecutorSession = Pick<ExecutorSession, 'subscribed' | 'send' | 'close'>;

export interface ExecutorClient {
  start(): void;
  /** Tells the agent, and tells it again whenever it has come back, until it acknowledges. Answers what it is told. */
  update(status: ExecutorStatus): Update['status'];
  /** Once, as far as the agent is there; undefined: it was taken. */
  message(data: Uint8Array): Promise<CallFailure | undefined>;
  subscribed(): boolean;
  /** resolves when the agent has acknowledged every update, or after `timeoutMs`; whether it has */
  drained(timeoutMs: number): Promise<boolean>;
  close(): void;
}

/** Ends for good: the agent does not know this executor, or does not want it. */
const FINAL: ReadonlySet<Loss['kind']> = new Set(['refused', 'credentials']);

const bytesOf = (uuid: string): Uint8Array => new Uint8Array(Buffer.from(uuid.replaceAll('-', ''), 'hex'));

const overHttp = (options: ExecutorSessionOptions): OpenExecutorSession => new ExecutorSession(options);

class Client implements ExecutorClient {
  private readonly unacknowledged: Unacknowledged;
  private readonly told = createToldCauses();
  private readonly server: string;
  private session: OpenExecutorSession | undefined;
  /** what the agent was told of in SUBSCRIBE */
  private replayed: ReadonlySet<Update> = new Set();
  private awaiting: (() => void)[] = [];
  private timer: Cancel = () => undefined;
  /** runs out when the agent has been away for too long */
  private deadline: Cancel = () => undefined;
  /** in this session */
  private wasSubscribed = false;
  private over = false;

  constructor(private readonly options: ExecutorClientOptions) {
    this.server = options.environment.agentEndpoint;
    this.unacknowledged = createUnacknowledged(options.earlier);
  }

  start(): void {
    this.awaitAgent();
    this.attempt();
  }

  update(status: ExecutorStatus): Update['status'] {
    const { clock, random, environment } = this.options;
    const update: Update = {
      status: {
        ...status,
        source: 'SOURCE_EXECUTOR',
        executorId: { value: environment.executorId },
        timestamp: clock.now() / 1000,
        uuid: bytesOf(random.uuid()),
      },
    };
    this.unacknowledged.add(update);
    if (this.subscribed()) void this.tell(update);
    return update.status;
  }

  async message(data: Uint8Array): Promise<CallFailure | undefined> {
    const { session } = this;
    if (!session) return { kind: 'lost', message: 'there is no subscription' };
    return session.send({ type: 'MESSAGE', message: { data } });
  }

  subscribed(): boolean {
    return this.session?.subscribed() ?? false;
  }

  async drained(timeoutMs: number): Promise<boolean> {
    if (this.unacknowledged.updates().length > 0) {
      let cancel: Cancel = () => undefined;
      await new Promise<void>((resolve) => {
        this.awaiting.push(resolve);
        cancel = this.options.clock.after(timeoutMs, resolve);
      });
      cancel();
    }
    return this.unacknowledged.updates().length === 0;
  }

  close(): void {
    this.over = true;
    this.timer();
    this.deadline();
    this.session?.close();
    this.session = undefined;
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.awaiting.splice(0)) resolve();
  }

  /** From now on the agent must come back within its recovery time-out. */
  private awaitAgent(): void {
    const { clock, environment } = this.options;
    const ms = environment.recoveryTimeoutMs;
    this.deadline();
    this.deadline = clock.after(ms, () => this.gone(`it has been away for ${ms / 1000} s`));
  }

  private attempt(): void {
    const { environment, encoding, tls, clock } = this.options;
    const updates = this.unacknowledged.updates();
    this.replayed = new Set(updates);
    const { openSession = overHttp } = this.options;
    this.session = openSession({
      environment,
      encoding,
      ...(tls && { tls }),
      clock,
      subscribe: { unacknowledgedTasks: this.unacknowledged.tasks(), unacknowledgedUpdates: updates },
      onEvent: (event) => this.onEvent(event),
      onUnreadable: (reason) => this.onUnreadable(reason),
      onLost: (loss) => this.onLost(loss),
    });
  }

  private async tell(update: Update): Promise<void> {
    const failure = await this.session?.send({ type: 'UPDATE', update });
    if (failure?.kind !== 'refused') return;
    this.unacknowledged.drop(update);
    const { message: reason, status = 0 } = failure;
    const error = new OutcryError('MESOS_CALL_REFUSED', {
      server: this.server,
      call: 'UPDATE',
      status,
      reason,
    });
    const { code, message, remedy } = error;
    this.options.logger.error('update-refused', {
      code,
      message,
      remedy,
      task_id: update.status.taskId.value,
    });
    this.settle();
  }

  private settle(): void {
    if (this.unacknowledged.updates().length === 0) this.wake();
  }

  private onSubscribed(): void {
    this.wasSubscribed = true;
    this.deadline();
    this.told.clear();
    this.options.logger.info('subscribed', { server: this.server });
    for (const update of this.unacknowledged.updates())
      if (!this.replayed.has(update)) void this.tell(update);
  }

  private onEvent(event: KnownExecutorEvent): void {
    if (event.type === 'ERROR') return this.gone(event.error.message);
    this.unacknowledged.heard(event);
    if (event.type === 'SUBSCRIBED') this.onSubscribed();
    this.options.handlers.onEvent(event);
    if (event.type === 'ACKNOWLEDGED') this.settle();
  }

  private onUnreadable(reason: string): void {
    const { code, message, remedy } = new OutcryError('MESOS_EVENT_UNREADABLE', {
      server: this.server,
      reason,
    });
    if (this.told.isNew(message)) this.options.logger.warn('event-unreadable', { code, message, remedy });
  }

  /** Without checkpointing the agent, once it has gone, takes its executors with it; with it, it comes back for them. */
  private onLost(loss: Loss): void {
    const { environment, clock, random, handlers, logger } = this.options;
    const { code, message, remedy } = loss.error;
    this.session = undefined;
    if (this.over) return;
    if (this.told.isNew(message))
      logger.warn('subscription-lost', { kind: loss.kind, code, message, remedy });
    if (FINAL.has(loss.kind) || (this.wasSubscribed && !environment.checkpoint)) return this.gone(message);
    if (this.wasSubscribed) this.awaitAgent();
    this.wasSubscribed = false;
    this.timer = clock.after(random.fraction() * environment.backOffMaxMs, () => this.attempt());
    handlers.onLost(loss);
  }

  private gone(reason: string): void {
    if (this.over) return;
    this.close();
    const error = new OutcryError('MESOS_AGENT_GONE', { server: this.server, reason });
    const { code, message, remedy } = error;
    this.options.logger.warn('agent-gone', { code, message, remedy });
    this.options.handlers.onGone(error);
  }
}

/** An executor's side of the v1 executor API. */
export const createExecutorClient = (options: ExecutorClientOptions): ExecutorClient => new Client(options);
