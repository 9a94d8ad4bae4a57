import type { Cancel } from './clock.js';

export interface BusMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** set when the sender waits for an answer */
  readonly expectsReply: boolean;
  /** answers the sender; false when there is nobody to answer */
  respond(payload: Uint8Array): boolean;
}

export type BusHandler = (message: BusMessage) => void;

export type RequestFailure = 'no-responders' | 'timeout' | 'disconnected' | 'too-large' | 'denied';

export type RequestResult = { ok: true; payload: Uint8Array } | { ok: false; error: RequestFailure };

export interface BusRequest {
  readonly subject: string;
  readonly payload: Uint8Array;
}

export interface RequestAllOptions {
  /** ms until what has no answer has timed out */
  timeoutMs: number;
  /** told once of each request by its place, in the order in which outcomes come */
  onResult(at: number, result: RequestResult): void;
}

export interface GatherOptions {
  /** ms until the gathering ends */
  timeoutMs: number;
  /**
   * Is handed each answer as it comes, which is then not kept; true = it was the last one, and the gathering ends. A
   * number of answers would not do: who answers twice would stand for another.
   */
  onAnswer?(answer: Uint8Array): boolean;
}

/**
 * Messages between components. Delivery is at most once, to whoever subscribes at that moment;
 * a payload over 1 MiB is refused. Subjects are dot separated; `*` matches one token, `>` the rest.
 */
export interface Bus {
  /** false when the payload is over the limit or the bus is not connected (then nothing was sent) */
  publish(subject: string, payload: Uint8Array): boolean;
  /** with `queue`, each message goes to one member of the group */
  subscribe(subject: string, handler: BusHandler, options?: { queue?: string }): Cancel;
  request(subject: string, payload: Uint8Array, options: { timeoutMs: number }): Promise<RequestResult>;
  /** many requests at once, to thousands; resolves when each has its outcome, never rejects */
  requestAll(requests: readonly BusRequest[], options: RequestAllOptions): Promise<void>;
  /** one request, many answers, until the deadline, or all are in as the options tell; never rejects */
  gather(subject: string, payload: Uint8Array, options: GatherOptions): Promise<Uint8Array[]>;
  connected(): boolean;
  /** what this user was refused since it is connected, in words; '' = nothing. It has somebody else's rights then. */
  denied(): string;
  /** told on every change; `true` again means subscriptions are in force again */
  onConnection(listener: (connected: boolean) => void): Cancel;
  /** resolves when everything published so far has reached the server */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Largest payload, as nats-server's default. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;
