/** One HTTP download into a file, guarded on the way. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { OutcryError } from '../../common/model/errors.js';
import { doorFailure } from '../../common/runtime/door-failure.js';
import type { Connection } from '../../common/runtime/endpoint.js';
import { refusalIn } from '../../common/runtime/door-refusal.js';
import { guardedLookup, refusedHost } from '../../common/runtime/outbound-address.js';
import {
  MAX_REDIRECTS,
  outboundCredentials,
  outboundUrl,
  redirectOf,
  tooManyRedirects,
} from '../../common/runtime/outbound-url.js';

export interface HttpFetcherOptions {
  /** where our own names really live */
  hosts: Record<string, Connection>;
  allowLoopback: boolean;
  maxBytes: number;
  /** ms */
  idleTimeoutMs: number;
}

export interface FetchRequest {
  from: string;
  /** the file to write; it must not exist */
  to: string;
  /** 'md5', 'sha1', 'sha256' or '' */
  checksumAlgorithm: string;
  checksumValue: string;
  /** validators of a kept copy */
  headers: Record<string, string>;
  signal: AbortSignal;
}

export interface FetchedFile {
  bytes: number;
  etag?: string;
  lastModified?: string;
}

export type HttpFetchResult =
  | { ok: true; file: FetchedFile }
  | { ok: true; unchanged: true }
  /** `problem`: not the download's, but ours with the store */
  | { ok: false; reason: string; problem?: OutcryError };

export interface HttpFetcher {
  fetch(request: FetchRequest): Promise<HttpFetchResult>;
  close(): Promise<void>;
}

/** bytes */
const LONGEST_REFUSAL = 8_192;
const CHECKSUMS = new Set(['md5', 'sha1', 'sha256']);

/** What is wrong with a download, in words for its owner. */
class DownloadError extends Error {}

const headerOf = (
  headers: Record<string, string | string[] | undefined>,
  name: string,
): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** counts and checks what flows through */
const createMeter = (
  maxBytes: number,
  algorithm: string,
): { stream: Transform; bytes(): number; sum(): string } => {
  const hash = algorithm === '' ? undefined : createHash(algorithm);
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash?.update(chunk);
      if (bytes > maxBytes) done(new DownloadError(`larger than ${maxBytes} bytes`));
      else done(null, chunk);
    },
  });
  return { stream, bytes: () => bytes, sum: () => hash?.digest('hex') ?? '' };
};

interface Route {
  dispatcher: Dispatcher;
  url: URL;
  /** to one of our own doors, over TLS */
  isOurs: boolean;
}

interface Router {
  of(url: URL): Route;
  agents: Agent[];
}

const createRouter = (options: HttpFetcherOptions): Router => {
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
const reasonOf = (error: unknown, signal: AbortSignal): string => {
  if (signal.aborted) return 'cancelled';
  const { message, cause, errors } = error as Error & { errors?: Error[] };
  const inner = errors?.[0] ?? cause;
  return inner instanceof Error && message === '' ? inner.message : message;
};

const ask = async (
  { dispatcher, url, isOurs }: Route,
  options: Pick<FetchRequest, 'headers' | 'signal'>,
): Promise<Dispatcher.ResponseData> => {
  const once = () => request(url.origin + url.pathname + url.search, { dispatcher, ...options });
  if (!isOurs) return once();
  try {
    // a connection that was kept may have been closed for another reason: a new one tells
    return await once().catch(once);
  } catch (cause) {
    const { reason, untrusted } = doorFailure(cause, true);
    if (!untrusted || options.signal.aborted) throw cause;
    throw new OutcryError('DROPLET_STORE_REFUSED', { reason }, { cause });
  }
};

/** Every stop on the way is a URL that nobody vouches for, and checked like the first. */
const follow = async (
  router: Router,
  { from, headers, signal }: FetchRequest,
): Promise<{ response: Dispatcher.ResponseData; isOurs: boolean }> => {
  let url = outboundUrl(from);
  for (let left = MAX_REDIRECTS; ; left -= 1) {
    const route = router.of(url);
    const response = await ask(route, { headers: { ...headers, ...outboundCredentials(url) }, signal });
    const next = redirectOf(response, url);
    if (next === undefined) return { response, isOurs: route.isOurs };
    await response.body.dump();
    if (left === 0) throw tooManyRedirects();
    url = next;
  }
};

const validatorsOf = ({ headers }: Dispatcher.ResponseData): Pick<FetchedFile, 'etag' | 'lastModified'> => {
  const etag = headerOf(headers, 'etag');
  const lastModified = headerOf(headers, 'last-modified');
  return { ...(etag !== undefined && { etag }), ...(lastModified !== undefined && { lastModified }) };
};

const save = async (body: Readable, wanted: FetchRequest, maxBytes: number): Promise<number> => {
  const algorithm = wanted.checksumAlgorithm.toLowerCase();
  const meter = createMeter(maxBytes, algorithm);
  try {
    await pipeline(body, meter.stream, createWriteStream(wanted.to, { flags: 'wx', mode: 0o600 }));
    const sum = meter.sum();
    if (algorithm !== '' && sum !== wanted.checksumValue.toLowerCase()) {
      throw new DownloadError(`checksum mismatch: ${algorithm} is ${sum}, expected ${wanted.checksumValue}`);
    }
    return meter.bytes();
  } catch (error) {
    await unlink(wanted.to).catch(() => undefined);
    throw error;
  }
};

/** A door of our own says whom it lets in; of any other answer the status says enough. */
const problemOf = async (
  { statusCode, headers, body }: Dispatcher.ResponseData,
  isOurs: boolean,
): Promise<Error> => {
  const problem = new DownloadError(`status ${statusCode}`);
  const bytes = Number(headerOf(headers, 'content-length'));
  if (!isOurs || statusCode !== 403 || !(bytes <= LONGEST_REFUSAL)) {
    body.on('error', () => undefined).destroy();
    return problem;
  }
  return refusalIn(statusCode, await body.text()) ?? problem;
};

const fetchInto = async (
  wanted: FetchRequest,
  options: { router: Router; maxBytes: number },
): Promise<HttpFetchResult> => {
  const { router, maxBytes } = options;
  const algorithm = wanted.checksumAlgorithm.toLowerCase();
  if (algorithm !== '' && !CHECKSUMS.has(algorithm)) {
    throw new DownloadError(`unknown checksum algorithm ${wanted.checksumAlgorithm}`);
  }
  const { response, isOurs } = await follow(router, wanted);
  if (response.statusCode === 304) {
    await response.body.dump();
    return { ok: true, unchanged: true };
  }
  const declared = Number(headerOf(response.headers, 'content-length') ?? 0);
  if (response.statusCode !== 200) throw await problemOf(response, isOurs);
  if (declared > maxBytes) {
    response.body.on('error', () => undefined).destroy();
    throw new DownloadError(`larger than ${maxBytes} bytes`);
  }
  const bytes = await save(response.body, wanted, maxBytes);
  return { ok: true, file: { bytes, ...validatorsOf(response) } };
};

export const createHttpFetcher = (options: HttpFetcherOptions): HttpFetcher => {
  const router = createRouter(options);
  return {
    async fetch(wanted) {
      try {
        return await fetchInto(wanted, { router, maxBytes: options.maxBytes });
      } catch (error) {
        const reason = reasonOf(error, wanted.signal);
        return { ok: false, reason, ...(error instanceof OutcryError && { problem: error }) };
      }
    },
    async close() {
      await Promise.all(router.agents.map((agent) => agent.destroy()));
    },
  };
};
