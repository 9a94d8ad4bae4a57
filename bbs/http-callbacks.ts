import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { guardedLookup, refusedHost } from '../common/runtime/outbound-address.js';
import {
  isAllowedHost,
  MAX_REDIRECTS,
  outboundCredentials,
  outboundUrl,
  redirectOf,
  tooManyRedirects,
} from '../common/runtime/outbound-url.js';

/** What became of one attempt to call back. */
export type CallbackAttempt =
  | { kind: 'answered'; status: number }
  /** no answer in time, or the connection was lost on the way: another attempt may succeed */
  | { kind: 'unanswered'; reason: string }
  | { kind: 'failed'; reason: string };

export interface CallbackSender {
  /** POSTs JSON on a user's word; never rejects */
  send(url: string, body: unknown): Promise<CallbackAttempt>;
  /** what is under way fails */
  close(): Promise<void>;
}

export interface HttpCallbacksOptions {
  /** called though they are at loopback or link-local addresses: `HOST:PORT`, or `HOST` */
  allowedHosts: readonly string[];
  /** ms until the connection stands, and again until it is answered */
  timeoutMs: number;
}

const UNANSWERED = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
]);

interface Message {
  method: 'POST' | 'GET';
  headers: Record<string, string>;
  body: string | null;
}

/** As browsers and Go's client do: only 307 and 308 have the message sent on, any other is fetched. */
const sentOn = (message: Message, status: number): Message =>
  status === 307 || status === 308 ? message : { method: 'GET', headers: {}, body: null };

const failureOf = (error: unknown): CallbackAttempt => {
  const { message, code = '' } = error as NodeJS.ErrnoException;
  return { kind: UNANSWERED.has(code) ? 'unanswered' : 'failed', reason: message || code };
};

/** Completion callbacks over HTTP. Whoever is called, and every stop on the way, is checked (design §9). */
export const createHttpCallbacks = ({ allowedHosts, timeoutMs }: HttpCallbacksOptions): CallbackSender => {
  const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  const open = new Agent({ ...timeouts, connect: { timeout: timeoutMs } });
  const guarded = new Agent({ ...timeouts, connect: { timeout: timeoutMs, lookup: guardedLookup } });

  const agentFor = (url: URL): Agent => {
    if (isAllowedHost(url.host, allowedHosts)) return open;
    const problem = refusedHost(url.hostname);
    if (problem) throw problem;
    return guarded;
  };

  const ask = (url: URL, { method, headers, body }: Message): Promise<Dispatcher.ResponseData> =>
    request(url.origin + url.pathname + url.search, {
      dispatcher: agentFor(url),
      method,
      headers: { ...headers, ...outboundCredentials(url) },
      body,
    });

  const follow = async (from: string, first: Message): Promise<CallbackAttempt> => {
    let [url, message] = [outboundUrl(from), first];
    for (let left = MAX_REDIRECTS; ; left -= 1) {
      const response = await ask(url, message);
      await response.body.dump();
      const next = redirectOf(response, url);
      if (next === undefined) return { kind: 'answered', status: response.statusCode };
      if (left === 0) throw tooManyRedirects();
      [url, message] = [next, sentOn(message, response.statusCode)];
    }
  };

  return {
    async send(url, body) {
      const headers = { 'content-type': 'application/json' };
      try {
        return await follow(url, { method: 'POST', headers, body: JSON.stringify(body) });
      } catch (error) {
        return failureOf(error);
      }
    },
    async close() {
      await Promise.all([open.destroy(), guarded.destroy()]);
    },
  };
};
