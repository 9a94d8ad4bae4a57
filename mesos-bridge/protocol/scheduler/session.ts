import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Random } from '../../../common/ports/random.js';
import { err, ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';
import { encode, MEDIA_TYPES } from '../codec.js';
import type { Encoding } from '../codec.js';
import { readSchedulerEvent } from '../events.js';
import type { KnownSchedulerEvent } from '../events.js';
import { openCallConnection } from '../http/call-connection.js';
import type { CallConnection } from '../http/call-connection.js';
import { resolveLocation } from '../http/location.js';
import type { Place } from '../http/location.js';
import { openStream } from '../http/stream.js';
import type { Stream, StreamEnd } from '../http/stream.js';
import { headerOf, openConnection } from '../http/transport.js';
import type { HeaderValues, MesosTls } from '../http/transport.js';
import type { CallSubscribe, Draft, EventSubscribed, SchedulerCall } from '../messages.js';
import { failureOf } from './answers.js';
import type { CallFailure } from './answers.js';
import { lossByEnd, lossByErrorEvent, lostBy, redirected, unreadable } from './loss.js';
import type { Loss } from './loss.js';

/** Silence of so many heartbeats is the end, as Mesos's own client has it; and so long an answer may take. */
const HEARTBEATS = 5;
const HEARTBEAT_S = 15;
const MAX_HOPS = 5;
/** ms before going where a redirect leads, at most; doubled with each */
const HOP_MS = 100;

/** A call as its sender writes it: the framework's id is put in. */
export type OutgoingCall = Omit<Draft<SchedulerCall>, 'frameworkId' | 'type'> & {
  readonly type: NonNullable<SchedulerCall['type']>;
};

export interface SessionOptions {
  /** the first master to ask */
  place: Place;
  subscribe: Draft<CallSubscribe>;
  encoding: Encoding;
  credentials?: { readonly principal: string; readonly secret: string };
  tls?: MesosTls;
  /** bytes */
  maxEventBytes: number;
  /** calls under way at once */
  pipelining: number;
  clock: Clock;
  random: Random;
  onEvent(event: KnownSchedulerEvent): void;
  /** a record that is no event, or one of a newer version */
  onUnreadable(reason: string): void;
  /** once, and nothing after it; with how long it was subscribed, ms */
  onLost(loss: Loss, lastedMs: number): void;
}

const NOT_SUBSCRIBED: CallFailure = { kind: 'lost', message: 'there is no subscription' };

const basic = ({ principal, secret }: { principal: string; secret: string }): string =>
  `Basic ${Buffer.from(`${principal}:${secret}`).toString('base64')}`;

/** One subscription: from the first request through redirects to the end of its stream. */
export class Session {
  private place: Place;
  private readonly hops: string[];
  private stream: Stream | undefined;
  private calls: CallConnection | undefined;
  private streamId = '';
  private streamEncoding: Encoding;
  private frameworkId: string;
  private heartbeatS = HEARTBEAT_S;
  private since: number | undefined;
  private over = false;
  private hopTimer: Cancel = () => undefined;

  constructor(private readonly options: SessionOptions) {
    this.place = options.place;
    this.hops = [options.place.origin];
    this.streamEncoding = options.encoding;
    this.frameworkId = options.subscribe.frameworkInfo.id?.value ?? '';
    this.subscribe();
  }

  /** where it is, or tries to be: `http://host:port` */
  server(): string {
    return this.place.origin;
  }

  subscribed(): boolean {
    return this.since !== undefined && !this.over;
  }

  async send(call: OutgoingCall): Promise<Result<undefined, CallFailure>> {
    const { calls } = this;
    if (this.over || !calls) return err(NOT_SUBSCRIBED);
    const withId = { ...call, frameworkId: { value: this.frameworkId } };
    const failure = failureOf(await calls.send(encode('SchedulerCall', withId, this.options.encoding)));
    if (!failure) return ok(undefined);
    if (failure.kind === 'lost') {
      this.lose(lostBy('call', this.place.origin, `the call ${call.type} was answered: ${failure.message}`));
    }
    return err(failure);
  }

  end(kind: 'renewed' | 'moved', reason: string): void {
    this.lose(lostBy(kind, this.place.origin, reason));
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.hopTimer();
    this.stream?.stop();
    this.calls?.close();
  }

  private lose(loss: Loss): void {
    if (this.over) return;
    this.close();
    const lastedMs = this.since === undefined ? 0 : this.options.clock.monotonic() - this.since;
    this.options.onLost(loss, lastedMs);
  }

  private headers(): Record<string, string> {
    const { encoding, credentials } = this.options;
    return {
      'content-type': MEDIA_TYPES[encoding],
      ...(credentials && { authorization: basic(credentials) }),
    };
  }

  private subscribe(): void {
    const { encoding, subscribe, clock, tls, maxEventBytes } = this.options;
    const call = { type: 'SUBSCRIBE' as const, subscribe };
    const withId = this.frameworkId === '' ? call : { ...call, frameworkId: { value: this.frameworkId } };
    this.stream = openStream({
      client: openConnection(this.place.origin, tls),
      path: this.place.path,
      headers: { ...this.headers(), accept: MEDIA_TYPES[encoding] },
      body: encode('SchedulerCall', withId, encoding),
      clock,
      maxRecordBytes: maxEventBytes,
      answerMs: HEARTBEATS * HEARTBEAT_S * 1000,
      silenceMs: () => HEARTBEATS * this.heartbeatS * 1000,
      onOpen: (headers) => this.onOpen(headers),
      onRecord: (record) => this.onRecord(record),
      onEnd: (end) => this.onEnd(end),
    });
  }

  private onOpen(headers: HeaderValues): void {
    this.streamId = headerOf(headers, 'mesos-stream-id') ?? '';
    this.streamEncoding = headerOf(headers, 'content-type') === MEDIA_TYPES.protobuf ? 'protobuf' : 'json';
    if (this.streamId === '') this.lose(unreadable(this.place.origin, 'the answer has no Mesos-Stream-Id'));
  }

  private onRecord(record: Uint8Array): void {
    const read = readSchedulerEvent(record, this.streamEncoding);
    if (!read.ok) return this.options.onUnreadable(read.error);
    const event = read.value;
    if (event.type === 'ERROR') {
      return this.lose(lossByErrorEvent(event.error.message, this.place.origin, this.frameworkId));
    }
    if (event.type === 'SUBSCRIBED') this.onSubscribed(event.subscribed);
    this.options.onEvent(event);
  }

  private onSubscribed({ frameworkId, heartbeatIntervalSeconds: interval }: EventSubscribed): void {
    const { clock, tls, pipelining } = this.options;
    this.frameworkId = frameworkId.value;
    this.heartbeatS = interval !== undefined && interval > 0 ? interval : HEARTBEAT_S;
    this.since = clock.monotonic();
    this.calls ??= openCallConnection({
      ...this.place,
      headers: { ...this.headers(), 'mesos-stream-id': this.streamId },
      ...(tls && { tls }),
      clock,
      answerMs: HEARTBEATS * this.heartbeatS * 1000,
      pipelining,
      onBroken: (reason) =>
        this.lose(lostBy('call', this.place.origin, `a call could not be made: ${reason}`)),
    });
  }

  private onEnd(end: StreamEnd): void {
    if (this.over || end.is === 'stopped') return;
    if (end.is === 'answered' && end.status === 307) return this.follow(end.location);
    const principal = this.options.credentials?.principal ?? 'anybody';
    this.lose(lossByEnd(end, { server: this.place.origin, principal }));
  }

  private follow(location: string): void {
    const { clock, random } = this.options;
    const next = resolveLocation(location, this.place);
    this.hops.push(next.ok ? next.value.origin : next.error);
    if (!next.ok || this.hops.length > MAX_HOPS + 1) return this.lose(redirected(this.hops));
    const waitMs = HOP_MS * 2 ** (this.hops.length - 2) * random.fraction();
    this.hopTimer = clock.after(waitMs, () => {
      this.place = next.value;
      this.subscribe();
    });
  }
}
