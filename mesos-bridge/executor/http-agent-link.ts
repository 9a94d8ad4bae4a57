/** The executor's end of the agent's API, over HTTP (mesos-v1.md §6). */
import { createToldCauses } from '../../common/model/told-causes.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { MEDIA_TYPES, encode } from '../protocol/codec.js';
import type { Encoding } from '../protocol/codec.js';
import { readExecutorEvent } from '../protocol/events.js';
import { openCallConnection } from '../protocol/http/call-connection.js';
import type { CallConnection } from '../protocol/http/call-connection.js';
import { openStream } from '../protocol/http/stream.js';
import type { Stream, StreamEnd } from '../protocol/http/stream.js';
import { openConnection } from '../protocol/http/transport.js';
import type { Draft, ExecutorCall } from '../protocol/messages.js';
import { MAX_RECORD_BYTES } from '../protocol/record-io.js';
import type { AgentEvents, AgentLink } from './agent-link.js';
import type { ExecutorEnvironment } from './core/environment.js';

export interface HttpAgentLinkOptions {
  environment: Pick<
    ExecutorEnvironment,
    'agentUrl' | 'authenticationToken' | 'executorId' | 'frameworkId' | 'recovery'
  >;
  /** protobuf when absent */
  encoding?: Encoding;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const PATH = '/api/v1/executor';
/** ms until the agent's answer begins */
const ANSWER_MS = 10_000;
/** ms: the agent's heartbeats come every half hour */
const SILENCE_MS = 65 * 60_000;
/** updates under way at once, each of another task */
const PIPELINING = 32;
/** ms after which a first subscription is given up: the agent's own patience */
const FIRST_PATIENCE_MS = 60_000;
/** ms between attempts at most, where the agent says nothing of it */
const BACK_OFF_MS = 2_000;

/** The agent knows nothing of this executor: no other attempt will change that. */
const isFinal = (end: StreamEnd): boolean => end.is === 'answered' && end.status === 400;

const endText = (end: StreamEnd): string => {
  switch (end.is) {
    case 'answered':
      return `the agent answers ${end.status}: ${end.text}`;
    case 'silent':
      return `nothing was heard of the agent for ${end.ms / 1000} s`;
    case 'ended':
    case 'stopped':
      return 'the agent has ended the subscription';
    default:
      return end.reason;
  }
};

type CallBody = Omit<Draft<ExecutorCall>, 'executorId' | 'frameworkId'>;

class HttpAgentLink implements AgentLink {
  private stream: Stream | undefined;
  private calls: CallConnection | undefined;
  private subscribed = false;
  /** ms, monotonic: since when there is no subscription */
  private since = 0;
  private everSubscribed = false;
  private stopped = false;
  private cancel: Cancel = () => undefined;
  private readonly told = createToldCauses();
  private readonly encoding: Encoding;

  constructor(private readonly options: HttpAgentLinkOptions) {
    this.encoding = options.encoding ?? 'protobuf';
  }

  start(events: AgentEvents): void {
    this.since = this.options.clock.monotonic();
    this.attempt(events);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel();
    this.stream?.stop();
    this.calls?.close();
  }

  update: AgentLink['update'] = (status) => this.call({ type: 'UPDATE', update: { status } });

  message: AgentLink['message'] = (data) => this.call({ type: 'MESSAGE', message: { data } });

  private bytes(body: CallBody): Uint8Array {
    const { executorId, frameworkId } = this.options.environment;
    const ids = { executorId: { value: executorId }, frameworkId: { value: frameworkId } };
    return encode('ExecutorCall', { ...ids, ...body }, this.encoding);
  }

  private headers(): Record<string, string> {
    const { authenticationToken: token } = this.options.environment;
    return {
      'content-type': MEDIA_TYPES[this.encoding],
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
  }

  private async call(body: CallBody): Promise<boolean> {
    if (!this.subscribed) return false;
    const { clock, environment, logger } = this.options;
    this.calls ??= openCallConnection({
      origin: environment.agentUrl,
      path: PATH,
      headers: this.headers(),
      clock,
      answerMs: ANSWER_MS,
      pipelining: PIPELINING,
      // what was under way may have been taken: it is said again, and known by its uuid
      onBroken: () => (this.calls = undefined),
    });
    const answer = await this.calls.send(this.bytes(body));
    if (answer.is === 'answered' && answer.status === 202) return true;
    const reason =
      answer.is === 'broken' ? answer.reason : `the agent answers ${answer.status}: ${answer.text}`;
    logger.warn('call-not-taken', { type: body.type, reason });
    return false;
  }

  private attempt(events: AgentEvents): void {
    const { clock, environment } = this.options;
    const { unacknowledgedTasks, unacknowledgedUpdates } = events.subscription();
    this.stream = openStream({
      client: openConnection(environment.agentUrl, undefined),
      path: PATH,
      headers: { ...this.headers(), accept: MEDIA_TYPES[this.encoding] },
      body: this.bytes({ type: 'SUBSCRIBE', subscribe: { unacknowledgedTasks, unacknowledgedUpdates } }),
      clock,
      maxRecordBytes: MAX_RECORD_BYTES,
      answerMs: ANSWER_MS,
      silenceMs: () => SILENCE_MS,
      onOpen: () => undefined,
      onRecord: (record) => this.hear(events, record),
      onEnd: (end) => this.ended(events, end),
    });
  }

  private hear(events: AgentEvents, record: Uint8Array): void {
    const { logger } = this.options;
    const event = readExecutorEvent(record, this.encoding);
    if (!event.ok) return logger.warn('event-unreadable', { reason: event.error });
    if (event.value.type === 'SUBSCRIBED') {
      this.subscribed = true;
      this.everSubscribed = true;
      this.told.clear();
      logger.info('subscribed', { agentId: event.value.subscribed.agentInfo.id?.value });
    }
    events.event(event.value);
  }

  private ended(events: AgentEvents, end: StreamEnd): void {
    if (this.stopped) return;
    const { clock, environment, logger, random } = this.options;
    const reason = endText(end);
    if (this.subscribed) {
      this.subscribed = false;
      this.since = clock.monotonic();
      this.calls?.close();
      this.calls = undefined;
    }
    events.disconnected();
    if (this.told.isNew(reason)) logger.warn('not-subscribed', { reason });
    const { recovery } = environment;
    const patience = this.everSubscribed ? (recovery?.timeoutMs ?? 0) : FIRST_PATIENCE_MS;
    if (isFinal(end) || clock.monotonic() - this.since >= patience) {
      this.stopped = true;
      return events.lost(`the agent is lost: ${reason}`);
    }
    const wait = random.fraction() * (recovery?.backOffMs ?? BACK_OFF_MS);
    this.cancel = clock.after(wait, () => this.attempt(events));
  }
}

export const createHttpAgentLink = (options: HttpAgentLinkOptions): AgentLink => new HttpAgentLink(options);
