/** Where downloads and uploads go (design §9): http(s) only, by guarded addresses, or to our own names. */
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { doorFailure } from '../../common/runtime/door-failure.js';
import { connectionTo } from '../../common/runtime/endpoint.js';
import type { Connection, Endpoint } from '../../common/runtime/endpoint.js';
import { REFUSED_CODE, guardedLookup, refusedHost } from '../../common/runtime/outbound-address.js';
import { OutboundUrlError } from '../../common/runtime/outbound-url.js';

export interface RouterOptions {
  /** where our own names really live */
  hosts: Record<string, Connection>;
  allowLoopback: boolean;
  /** ms */
  idleTimeoutMs: number;
}

/** What is wrong with a download or an upload, in words for its owner; without the query, where signatures are. */
export class TransferError extends OutboundUrlError {}

/** The far side could not do it now: the same again may go better. */
export class PassingError extends TransferError {}

/** Of the request's own fault nothing gets better; of these it may. */
const PASSING = new Set([408, 425, 429]);
export const isPassing = (status: number): boolean => status >= 500 || PASSING.has(status);

/** Diego's, of one download or upload */
export const MAX_ATTEMPTS = 3;

/** What is wrong with an address or an answer stays wrong; a connection that was lost may be made again. */
export const mayGoBetter = (error: unknown, signal: AbortSignal): boolean => {
  if (signal.aborted || error instanceof OutcryError) return false;
  if (error instanceof OutboundUrlError) return error instanceof PassingError;
  return (error as NodeJS.ErrnoException).code !== REFUSED_CODE;
};

/** The first value of a header. */
export const headerOf = (
  headers: Record<string, string | string[] | undefined>,
  name: string,
): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

export interface Route {
  dispatcher: Dispatcher;
  url: URL;
  /** to one of our own doors, over TLS */
  isOurs: boolean;
}

export interface Router {
  of(url: URL): Route;
  agents: Agent[];
}

export const createRouter = (options: RouterOptions): Router => {
  const timeouts = { bodyTimeout: options.idleTimeoutMs, headersTimeout: options.idleTimeoutMs };
  const open = new Agent(timeouts);
  const guarded = options.allowLoopback
    ? open
    : new Agent({ ...timeouts, connect: { lookup: guardedLookup } });
  const own = new Map<string, { agent: Agent; origin: string; isOurs: boolean }>();
  for (const [name, { origin, options: connection, overTls }] of Object.entries(options.hosts)) {
    const agent = new Agent({ ...timeouts, ...connection });
    own.set(name, { agent, origin, isOurs: overTls });
  }
  return {
    agents: [open, guarded, ...[...own.values()].map(({ agent }) => agent)],
    of(url) {
      const ours = own.get(url.hostname);
      if (ours) {
        const { agent, origin, isOurs } = ours;
        return { dispatcher: agent, url: new URL(url.pathname + url.search, origin), isOurs };
      }
      const problem = options.allowLoopback ? undefined : refusedHost(url.hostname);
      if (problem) throw problem;
      return { dispatcher: guarded, url, isOurs: false };
    },
  };
};

/** The causes that a person can do something about come from deep below. */
export const reasonOf = (error: unknown, signal: AbortSignal): string => {
  if (signal.aborted) return 'cancelled';
  const { message, cause, errors } = error as Error & { errors?: Error[] };
  const inner = errors?.[0] ?? cause;
  return inner instanceof Error && message === '' ? inner.message : message;
};

/** What is asked of one stop on the way. */
export interface Ask {
  method?: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: Readable;
  signal: AbortSignal;
}

/** Asks once; a request that may be repeated (`isRepeatable`) twice where the first went over a connection that was kept. */
export const ask = async (
  { dispatcher, url, isOurs }: Route,
  options: Ask,
  isRepeatable = true,
): Promise<Dispatcher.ResponseData> => {
  const once = () => request(url.origin + url.pathname + url.search, { dispatcher, ...options });
  if (!isOurs) return once();
  try {
    // a connection that was kept may have been closed for another reason: a new one tells
    return await (isRepeatable ? once().catch(once) : once());
  } catch (cause) {
    const { reason, untrusted } = doorFailure(cause, true);
    if (!untrusted || options.signal.aborted) throw cause;
    throw new OutcryError('DROPLET_STORE_REFUSED', { reason }, { cause });
  }
};

/** Where our own names really live, and how they are spoken to. */
export const connectionsTo = (
  { hosts = {}, clock }: { hosts?: Record<string, Endpoint>; clock: Clock },
  logger: Logger,
): Record<string, Connection> =>
  Object.fromEntries(
    Object.entries(hosts).map(([name, endpoint]) => [
      name,
      connectionTo(endpoint, { what: `client of ${name}`, clock, logger }),
    ]),
  );
