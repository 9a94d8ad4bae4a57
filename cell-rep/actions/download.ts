/** Downloads (design §9): http(s) only, guarded addresses, checksums, a size limit, and a cache by key. */
import { mkdirSync, rmSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { DownloadAction } from '../../common/model/action.js';
import { createToldCauses } from '../../common/model/told-causes.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import { createTurns } from '../../common/runtime/turns.js';
import { pause } from '../waiting/pause.js';
import { createSlots } from '../waiting/slots.js';
import { unlessAborted } from '../waiting/unless-aborted.js';
import { createDownloadCache } from './download-cache.js';
import type { CachedFile } from './download-cache.js';
import type { Downloader, FetchResult } from './downloader.js';
import { createHttpFetcher } from './http-fetch.js';
import type { FetchRequest, HttpFetchResult } from './http-fetch.js';
import { MAX_ATTEMPTS, connectionsTo } from './http-route.js';

export interface DownloaderOptions {
  /** emptied at the first download: nothing of an earlier life is trusted */
  cacheDir: string;
  clock: Clock;
  logger: Logger;
  /** names that are ours, e.g. the platform's own blob store; reached as given, whatever their address */
  hosts?: Record<string, Endpoint>;
  /** lets everyone reach loopback, link-local and other inner addresses; default false */
  allowLoopback?: boolean;
  /** bytes of one artifact; default 4 GiB */
  maxBytes?: number;
  /** bytes kept though nobody uses them; default 10 GiB, as Diego's */
  maxCacheBytes?: number;
  /** at once; default 5, as Diego's */
  maxConcurrent?: number;
  /** ms without a byte until a download is given up; default 60 s */
  idleTimeoutMs?: number;
}

export interface ClosableDownloader extends Downloader {
  /** ends connections that are kept open */
  close(): Promise<void>;
  /** takes renewed certificates for new connections to our own hosts */
  renew(): void;
}

const GIB = 1024 ** 3;
/** ms after the first try; twice that after the second */
const RETRY_MS = 200;

const CANCELLED: FetchResult = { ok: false, reason: 'cancelled' };

const validators = (cached: CachedFile | undefined): Record<string, string> => ({
  ...(cached?.etag !== undefined && { 'if-none-match': cached.etag }),
  ...(cached?.lastModified !== undefined && { 'if-modified-since': cached.lastModified }),
});

/** The same key with another checksum is another file. */
const keyOf = (action: DownloadAction): string =>
  action.cacheKey === '' ? '' : [action.cacheKey, action.checksumAlgorithm, action.checksumValue].join('\n');

/** Names of files to be, below a directory made at the first; an error when it cannot be made. */
const createNamer = (dir: string): (() => string | Error) => {
  let files = 0;
  let prepared = false;
  return () => {
    try {
      if (!prepared) {
        rmSync(dir, { recursive: true, force: true });
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        prepared = true;
      }
    } catch (error) {
      return error as Error;
    }
    files += 1;
    return join(dir, `artifact-${files}`);
  };
};

/** Tells what keeps every download from our own store, once per cause, until one has succeeded. */
const createProblemTeller = (logger: Logger) => {
  const told = createToldCauses();
  return (result: HttpFetchResult): void => {
    if (result.ok) told.clear();
    else if (result.problem && told.isNew(result.problem.message)) {
      const { code, message, remedy } = result.problem;
      logger.warn('droplet-store-refused', { code, message, remedy });
    }
  };
};

/** TLS_FILES_INVALID when the certificates for one of our own hosts cannot be used. */
export const createDownloader = (options: DownloaderOptions): ClosableDownloader => {
  const { clock } = options;
  const logger = options.logger.session('downloader');
  const hosts = connectionsTo(options, logger);
  const { allowLoopback = false, maxBytes = 4 * GIB, idleTimeoutMs = 60_000 } = options;
  const http = createHttpFetcher({ hosts, allowLoopback, maxBytes, idleTimeoutMs });
  const tellProblem = createProblemTeller(logger);
  const slots = createSlots(options.maxConcurrent ?? 5);
  const cache = createDownloadCache(options.maxCacheBytes ?? 10 * GIB);
  /** by cache key: whoever wants the same file waits for it, then asks whether it changed */
  const inTurn = createTurns();
  const newFile = createNamer(options.cacheDir);

  const handOut = (entry: CachedFile): FetchResult => {
    cache.use(entry);
    let released = false;
    return {
      ok: true,
      file: entry.file,
      bytes: entry.bytes,
      release() {
        if (released) return;
        released = true;
        for (const file of cache.release(entry)) void unlink(file).catch(() => undefined);
      },
    };
  };

  const fetchPatiently = async (wanted: FetchRequest): Promise<HttpFetchResult> => {
    for (let tries = 1; ; tries += 1) {
      const result = await http.fetch(wanted);
      if (result.ok || !result.retry || tries === MAX_ATTEMPTS) return result;
      logger.info('download-tried', { reason: result.reason, tries });
      await pause(clock, RETRY_MS * tries, wanted.signal);
    }
  };

  const load = async (action: DownloadAction, key: string, signal: AbortSignal): Promise<FetchResult> => {
    const cached = cache.get(key);
    const { from, checksumAlgorithm, checksumValue } = action;
    const to = newFile();
    if (typeof to !== 'string') return { ok: false, reason: to.message };
    const headers = validators(cached);
    // what is checked against asking may be dropped meanwhile
    if (cached) cache.use(cached);
    try {
      const wanted = { from, to, checksumAlgorithm, checksumValue, headers, signal };
      const result = await fetchPatiently(wanted);
      tellProblem(result);
      if (!result.ok) return result;
      if (!('unchanged' in result)) return handOut(cache.add({ key, file: to, ...result.file }));
      return cached ? handOut(cached) : { ok: false, reason: 'status 304 to an unconditional request' };
    } finally {
      if (cached) for (const file of cache.release(cached)) void unlink(file).catch(() => undefined);
    }
  };

  /** a checksum says what the content is: nobody needs to be asked again */
  const known = (action: DownloadAction, key: string): CachedFile | undefined =>
    action.checksumAlgorithm === '' ? undefined : cache.get(key);

  const loadWhenFree = async (action: DownloadAction, key: string, signal: AbortSignal) =>
    (await unlessAborted(signal, slots, () => load(action, key, signal))) ?? CANCELLED;

  const fetchOf = async (action: DownloadAction, signal: AbortSignal): Promise<FetchResult> => {
    const key = keyOf(action);
    if (key === '') return loadWhenFree(action, key, signal);
    const job = async (): Promise<FetchResult> => {
      const entry = known(action, key);
      return entry ? handOut(entry) : loadWhenFree(action, key, signal);
    };
    return (await unlessAborted(signal, (begin) => inTurn(key, begin), job)) ?? CANCELLED;
  };

  return {
    async fetch(action, signal) {
      const result = await fetchOf(action, signal);
      if (!result.ok) logger.info('download-failed', { artifact: action.artifact, reason: result.reason });
      return result;
    },
    close: () => http.close(),
    renew() {
      for (const host of Object.values(hosts)) host.renew();
    },
  };
};
