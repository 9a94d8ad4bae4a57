import type { Clock } from '../../../common/ports/clock.js';
import { encode, MEDIA_TYPES } from '../codec.js';
import type { Encoding } from '../codec.js';
import { readExecutorEvent } from '../events.js';
import type { KnownExecutorEvent } from '../events.js';
import { openCallConnection } from '../http/call-connection.js';
import type { CallConnection } from '../http/call-connection.js';
import { openStream } from '../http/stream.js';
import type { Stream, StreamEnd } from '../http/stream.js';
import { headerOf, openConnection } from '../http/transport.js';
import type { MesosTls } from '../http/transport.js';
import type { Draft, ExecutorCall } from '../messages.js';
import { MAX_RECORD_BYTES } from '../record-io.js';
import { failureOf } from '../scheduler/answers.js';
import type { CallFailure } from '../scheduler/answers.js';
import { lossByEnd, lostBy } from '../scheduler/loss.js';
import type { Loss } from '../scheduler/loss.js';
import type { ExecutorEnvironment } from './environment.js';

const PATH = '/api/v1/executor';
/** ms until an answer counts as lost */
const ANSWER_MS = 75_000;

/** A call as its sender writes it: the ids of executor and framework are put in. */
export type OutgoingExecutorCall = Omit<Draft<ExecutorCall>, 'executorId' | 'frameworkId' | 'type'> & {
  readonly type: NonNullable<ExecutorCall['type']>;
};

export interface ExecutorSessionOptions {
  environment: ExecutorEnvironment;
  subscribe: NonNullable<OutgoingExecutorCall['subscribe']>;
  encoding: Encoding;
  tls?: MesosTls;
  clock: Clock;
  onEvent(event: KnownExecutorEvent): void;
  onUnreadable(reason: string): void;
  /** once, and nothing after it */
  onLost(loss: Loss): void;
}

/** One subscription at the agent. It may be silent for as long as it likes: the first heartbeat comes after 30 minutes. */
export class ExecutorSession {
  readonly server: string;
  private readonly stream: Stream;
  private calls: CallConnection | undefined;
  private streamEncoding: Encoding;
  private over = false;

  constructor(private readonly options: ExecutorSessionOptions) {
    const { environment, encoding, tls, clock, subscribe } = options;
    this.server = `${tls ? 'https' : 'http'}://${environment.agentEndpoint}`;
    this.streamEncoding = encoding;
    this.stream = openStream({
      client: openConnection(this.server, tls),
      path: PATH,
      headers: { ...this.headers(), accept: MEDIA_TYPES[encoding] },
      body: this.bodyOf({ type: 'SUBSCRIBE', subscribe }),
      clock,
      maxRecordBytes: MAX_RECORD_BYTES,
      answerMs: ANSWER_MS,
      silenceMs: () => undefined,
      onOpen: (headers) => {
        this.streamEncoding =
          headerOf(headers, 'content-type') === MEDIA_TYPES.protobuf ? 'protobuf' : 'json';
      },
      onRecord: (record) => this.onRecord(record),
      onEnd: (end) => this.onEnd(end),
    });
  }

  subscribed(): boolean {
    return this.calls !== undefined && !this.over;
  }

  /** undefined: it was taken */
  async send(call: OutgoingExecutorCall): Promise<CallFailure | undefined> {
    if (this.over || !this.calls) return { kind: 'lost', message: 'there is no subscription' };
    const failure = failureOf(await this.calls.send(this.bodyOf(call)));
    // what the agent cannot take now, it is told again by subscribing
    if (failure && failure.kind !== 'refused') {
      this.lose(lostBy('call', this.server, `the call ${call.type} was answered: ${failure.message}`));
    }
    return failure;
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.stream.stop();
    this.calls?.close();
  }

  private lose(loss: Loss): void {
    if (this.over) return;
    this.close();
    this.options.onLost(loss);
  }

  private headers(): Record<string, string> {
    const { environment, encoding } = this.options;
    const type = { 'content-type': MEDIA_TYPES[encoding] };
    return environment.token === '' ? type : { ...type, authorization: `Bearer ${environment.token}` };
  }

  private bodyOf(call: OutgoingExecutorCall): Uint8Array {
    const { environment, encoding } = this.options;
    const [executorId, frameworkId] = [{ value: environment.executorId }, { value: environment.frameworkId }];
    return encode('ExecutorCall', { ...call, executorId, frameworkId }, encoding);
  }

  private onRecord(record: Uint8Array): void {
    const read = readExecutorEvent(record, this.streamEncoding);
    if (!read.ok) return this.options.onUnreadable(read.error);
    if (read.value.type === 'SUBSCRIBED') this.openCalls();
    this.options.onEvent(read.value);
  }

  private openCalls(): void {
    const { tls, clock } = this.options;
    this.calls ??= openCallConnection({
      origin: this.server,
      path: PATH,
      headers: this.headers(),
      ...(tls && { tls }),
      clock,
      answerMs: ANSWER_MS,
      pipelining: 1,
      onBroken: (reason) => this.lose(lostBy('call', this.server, `a call could not be made: ${reason}`)),
    });
  }

  private onEnd(end: StreamEnd): void {
    if (this.over || end.is === 'stopped') return;
    const principal = `the executor ${this.options.environment.executorId}`;
    this.lose(lossByEnd(end, { server: this.server, principal }));
  }
}
