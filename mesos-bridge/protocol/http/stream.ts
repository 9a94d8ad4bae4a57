import type { Client, Dispatcher } from 'undici';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import { createRecordDecoder } from '../record-io.js';
import { breakOff, createTextCollector, headerOf } from './transport.js';
import type { HeaderValues } from './transport.js';

/** How a stream came to its end, or why there was none. */
export type StreamEnd =
  /** another status than 200 */
  | { readonly is: 'answered'; readonly status: number; readonly location: string; readonly text: string }
  | { readonly is: 'unreachable'; readonly reason: string }
  /** by the server, between two records */
  | { readonly is: 'ended' }
  /** the connection broke, or the body ended within a record */
  | { readonly is: 'cut'; readonly reason: string }
  | { readonly is: 'silent'; readonly ms: number }
  | { readonly is: 'unreadable'; readonly reason: string }
  | { readonly is: 'stopped' };

export interface StreamOptions {
  /** used for this stream alone, and broken off when it ends */
  client: Client;
  path: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  clock: Clock;
  /** bytes */
  maxRecordBytes: number;
  /** ms until the answer begins */
  answerMs: number;
  /** ms without a record until it counts as lost, as it is at the moment; undefined: for ever */
  silenceMs: () => number | undefined;
  onOpen(headers: HeaderValues): void;
  onRecord(record: Uint8Array): void;
  /** once, and nothing after it */
  onEnd(end: StreamEnd): void;
}

export interface Stream {
  /** ends it with `stopped`, where it has not ended */
  stop(): void;
}

/** Calls `onSilence` when nothing was heard for as long as is allowed. */
const watchSilence = (clock: Clock, limitMs: () => number | undefined, onSilence: (ms: number) => void) => {
  let heardAt = clock.monotonic();
  let armedFor: number | undefined;
  let timer: Cancel = () => undefined;
  const wait = (ms: number): void => {
    timer = clock.after(ms, () => {
      const limit = limitMs() ?? Infinity;
      const left = heardAt + limit - clock.monotonic();
      if (left <= 0) onSilence(limit);
      else if (limit !== Infinity) wait(left);
    });
  };
  return {
    heard(): void {
      heardAt = clock.monotonic();
      const limit = limitMs();
      if (limit === armedFor) return;
      armedFor = limit;
      timer();
      if (limit !== undefined) wait(limit);
    },
    stop: () => timer(),
  };
};

const messageOf = (error: unknown): string =>
  (error as Error).message || String((error as { code?: string }).code);

/**
 * POSTs a request whose answer is a stream of records. The end of the stream is that of the answer's body, whatever
 * becomes of the connection: Mesos leaves it open.
 */
export const openStream = (options: StreamOptions): Stream => {
  const { client, clock, onRecord } = options;
  const decoder = createRecordDecoder({ maxBytes: options.maxRecordBytes });
  const answer = createTextCollector();
  let status = 0;
  let location = '';
  let over = false;

  const end = (how: StreamEnd): void => {
    if (over) return;
    over = true;
    silence.stop();
    answerTimer();
    breakOff(client, 'the stream has ended');
    options.onEnd(how);
  };

  const silence = watchSilence(clock, options.silenceMs, (ms) => end({ is: 'silent', ms }));
  const answerTimer = clock.after(options.answerMs, () => {
    if (status === 0) end({ is: 'unreachable', reason: `no answer within ${options.answerMs / 1000} s` });
  });

  const onHead = (code: number, headers: HeaderValues): void => {
    if (over) return;
    status = code;
    location = headerOf(headers, 'location') ?? '';
    if (code !== 200) return;
    silence.heard();
    options.onOpen(headers);
  };

  const onChunk = (chunk: Uint8Array): void => {
    if (over) return;
    if (status !== 200) return answer.push(chunk);
    const { records, error } = decoder.push(chunk);
    for (const record of records) {
      // whoever hears a record may end the stream
      if (over) return;
      onRecord(record);
      // afterwards, since the record may have told how long silence may last
      if (!over) silence.heard();
    }
    if (error) end({ is: 'unreadable', reason: error.message });
  };

  const onBodyEnd = (): void => {
    if (status !== 200) return end({ is: 'answered', status, location, text: answer.text() });
    const pending = decoder.pending();
    if (pending === 0) end({ is: 'ended' });
    else end({ is: 'cut', reason: `the stream ended within a record, after ${pending} bytes of it` });
  };

  const onError = (error: unknown): void => {
    const reason = messageOf(error);
    end(status === 0 ? { is: 'unreachable', reason } : { is: 'cut', reason });
  };

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: () => undefined,
    onResponseStart: (_, code, headers) => onHead(code, headers),
    onResponseData: (_, chunk) => onChunk(chunk),
    onResponseEnd: onBodyEnd,
    onResponseError: (_, error) => onError(error),
  };
  const { path, headers, body } = options;
  // `reset` has the server close the connection after the stream, so that it carries nothing else
  client.dispatch(
    { path, method: 'POST', headers: { ...headers }, body: Buffer.from(body), reset: true },
    handler,
  );
  return { stop: () => end({ is: 'stopped' }) };
};
