/** One HTTP download into a file, guarded on the way. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { OutcryError } from '../../common/model/errors.js';
import { refusalIn } from '../../common/runtime/door-refusal.js';
import { pipeToNewFile } from '../../common/runtime/new-file.js';
import {
  MAX_REDIRECTS,
  outboundCredentials,
  outboundUrl,
  redirectOf,
  tooManyRedirects,
} from '../../common/runtime/outbound-url.js';
import {
  PassingError,
  TransferError,
  ask,
  createRouter,
  headerOf,
  isPassing,
  mayGoBetter,
  reasonOf,
} from './http-route.js';
import type { Router, RouterOptions } from './http-route.js';

export interface HttpFetcherOptions extends RouterOptions {
  maxBytes: number;
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
  /** `retry`: the same again may go better */
  | { ok: false; reason: string; retry: boolean; problem?: OutcryError };

export interface HttpFetcher {
  fetch(request: FetchRequest): Promise<HttpFetchResult>;
  close(): Promise<void>;
}

/** bytes */
const LONGEST_REFUSAL = 8_192;
const CHECKSUMS = new Set(['md5', 'sha1', 'sha256']);

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
      if (bytes > maxBytes) done(new TransferError(`larger than ${maxBytes} bytes`));
      else done(null, chunk);
    },
  });
  return { stream, bytes: () => bytes, sum: () => hash?.digest('hex') ?? '' };
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
  await pipeToNewFile([body, meter.stream], wanted.to);
  const sum = meter.sum();
  if (algorithm === '' || sum === wanted.checksumValue.toLowerCase()) return meter.bytes();
  await rm(wanted.to, { force: true });
  throw new TransferError(`checksum mismatch: ${algorithm} is ${sum}, expected ${wanted.checksumValue}`);
};

/** A door of our own says whom it lets in; of any other answer the status says enough. */
const problemOf = async (
  { statusCode, headers, body }: Dispatcher.ResponseData,
  isOurs: boolean,
): Promise<Error> => {
  const text = `status ${statusCode}`;
  const problem = isPassing(statusCode) ? new PassingError(text) : new TransferError(text);
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
    throw new TransferError(`unknown checksum algorithm ${wanted.checksumAlgorithm}`);
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
    throw new TransferError(`larger than ${maxBytes} bytes`);
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
        const retry = mayGoBetter(error, wanted.signal);
        return { ok: false, reason, retry, ...(error instanceof OutcryError && { problem: error }) };
      }
    },
    async close() {
      await Promise.all(router.agents.map((agent) => agent.destroy()));
    },
  };
};
