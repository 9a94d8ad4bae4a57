import type { Dispatcher } from 'undici';
import type { Clock } from '../../../common/ports/clock.js';
import { breakOff, createTextCollector, headerOf, openConnection } from './transport.js';
import type { HeaderValues, MesosTls } from './transport.js';

/** What came of a call. */
export type CallAnswer =
  | { readonly is: 'answered'; readonly status: number; readonly text: string; readonly location: string }
  /** it may have been carried out, or not */
  | { readonly is: 'broken'; readonly reason: string };

export interface CallConnectionOptions {
  origin: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  tls?: MesosTls;
  clock: Clock;
  /** ms until an answer counts as lost */
  answerMs: number;
  /** calls that are under way at once, in order */
  pipelining: number;
  /** told once, when the connection breaks or an answer stays away: calls that wait are lost with it */
  onBroken(reason: string): void;
}

export interface CallConnection {
  /** Sends it after all that were sent before, over the same connection. */
  send(body: Uint8Array): Promise<CallAnswer>;
  /** Calls that wait end as broken. */
  close(): void;
}

/**
 * Calls in the order in which they are made, over one connection, each sent at most once: after the first fault the
 * connection is of no further use, since calls that were under way may have been carried out.
 */
export const openCallConnection = (options: CallConnectionOptions): CallConnection => {
  const { origin, path, headers, tls, clock, answerMs, pipelining } = options;
  const client = openConnection(origin, tls, pipelining);
  let broken = '';

  const close = (reason: string): void => {
    if (broken !== '') return;
    broken = reason;
    breakOff(client, reason);
  };

  const fail = (reason: string): void => {
    if (broken !== '') return;
    close(reason);
    options.onBroken(reason);
  };

  const handlerFor = (done: (answer: CallAnswer) => void): Dispatcher.DispatchHandler => {
    const text = createTextCollector();
    let status = 0;
    let location = '';
    const timer = clock.after(answerMs, () => fail(`no answer to a call within ${answerMs / 1000} s`));
    return {
      onRequestStart: () => undefined,
      onResponseStart(_, code, given: HeaderValues) {
        status = code;
        location = headerOf(given, 'location') ?? '';
      },
      onResponseData: (_, chunk) => text.push(chunk),
      onResponseEnd() {
        timer();
        done({ is: 'answered', status, text: text.text(), location });
      },
      onResponseError(_, error) {
        timer();
        fail(error.message || 'the connection broke');
        done({ is: 'broken', reason: broken });
      },
    };
  };

  return {
    send: (body) =>
      new Promise((done) => {
        if (broken !== '') return done({ is: 'broken', reason: broken });
        const request = { path, method: 'POST' as const, headers: { ...headers }, body: Buffer.from(body) };
        // undici sends one call after another only if it may: nothing is sent twice, see `close`
        client.dispatch({ ...request, idempotent: true, blocking: false }, handlerFor(done));
      }),
    close: () => close('the client closed the connection'),
  };
};
