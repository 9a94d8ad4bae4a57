import { STATUS_CODES } from 'node:http';
import type { Dispatcher } from 'undici';
import { ROUTER_ERROR } from '../core/response-headers.js';
import { headerValue } from '../core/request-headers.js';
import type { RawHeaders } from '../core/request-headers.js';
import type { PoolEntry } from '../core/pool.js';
import type { Answered } from '../core/response-headers.js';
import type { ProxyContext } from './context.js';
import type { ClientResponse, Exchange } from './exchange.js';

type Controller = Dispatcher.DispatchController;

/** undici hands headers on as bytes; HTTP's are Latin-1. */
export const textHeaders = (raw: Controller['rawHeaders']): RawHeaders =>
  Array.isArray(raw) ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))) : [];

/** Passes an endpoint's answer on to the client as it comes. */
export interface Relay {
  /** what comes before the answer, such as hints of what it will need */
  interim(controller: Controller, status: number): void;
  head(controller: Controller, status: number, statusText: string): void;
  data(controller: Controller, chunk: Buffer): void;
  end(trailers: RawHeaders): void;
}

const addTrailers = (res: ClientResponse, trailers: RawHeaders): void => {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < trailers.length; at += 2)
    pairs.push([trailers[at] ?? '', trailers[at + 1] ?? '']);
  if (pairs.length > 0) res.addTrailers(pairs);
};

/** An endpoint's own reason where it is text that a head may hold. */
const reasonOf = (status: number, given: string): string => {
  const usual = STATUS_CODES[status] ?? '';
  return given === usual || /[^\t\x20-\x7e]/.test(given) ? usual : given;
};

const CONTINUE = 100;
/** beyond it they are no help any more, and may be more than a client reads */
const MOST_INTERIM = 5;

/** What an endpoint's answer is an answer to. */
export const answeredBy = (
  { clock, config }: ProxyContext,
  { requestId, wish, routePath, facts, service }: Exchange,
  { endpoint }: PoolEntry,
): Answered => ({
  requestId,
  session: service
    ? undefined
    : {
        askedFor: wish.instanceId,
        servedBy: endpoint.instanceId,
        path: routePath,
        cookies: facts.cookie,
        now: clock.now,
      },
  served:
    config.traceKey !== '' && facts.traceKey === config.traceKey
      ? { router: config.registrar.hosts[0] ?? '', endpoint: endpoint.address }
      : undefined,
});

export const createRelay = (context: ProxyContext, exchange: Exchange, entry: PoolEntry): Relay => {
  const { res, record } = exchange;
  let bodyBegan = false;
  let interims = 0;
  return {
    interim(controller, status) {
      // whether the client goes on is between it and the router
      if (status === CONTINUE || interims >= MOST_INTERIM || res.headersSent || res.destroyed) return;
      interims += 1;
      res.writeInterim(status, context.responses.interim(textHeaders(controller.rawHeaders)));
    },
    head(controller, status, statusText) {
      const raw = textHeaders(controller.rawHeaders);
      const headers = context.responses.answer(raw, answeredBy(context, exchange, entry));
      record.status = status;
      // an application's own counts like the router's
      record.routerError = headerValue(headers, ROUTER_ERROR);
      res.writeHead(status, reasonOf(status, statusText), headers);
      // a body in the same packet goes out with the head; a head without one must not wait for it
      process.nextTick(() => {
        if (!bodyBegan && !res.destroyed) res.flushHeaders();
      });
    },
    data(controller, chunk) {
      bodyBegan = true;
      record.bodyBytes += chunk.length;
      if (res.write(chunk)) return;
      controller.pause();
      res.once('drain', () => controller.resume());
    },
    end(trailers) {
      bodyBegan = true;
      if (trailers.length > 0) addTrailers(res, trailers);
      res.end();
    },
  };
};
