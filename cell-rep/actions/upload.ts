/** Uploads (design §9): http(s) only, guarded addresses, a size limit; tried again where another try may help. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher } from 'undici';
import type { UploadAction } from '../../common/model/action.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import {
  MAX_REDIRECTS,
  outboundCredentials,
  outboundUrl,
  redirectOf,
  tooManyRedirects,
} from '../../common/runtime/outbound-url.js';
import { pause } from '../waiting/pause.js';
import { backOff } from '../waiting/retry.js';
import { createSlots } from '../waiting/slots.js';
import { unlessAborted } from '../waiting/unless-aborted.js';
import {
  MAX_ATTEMPTS,
  ask,
  connectionsTo,
  createRouter,
  isPassing,
  mayGoBetter,
  reasonOf,
} from './http-route.js';
import type { Router } from './http-route.js';
import type { UploadResult, Uploader } from './uploader.js';

export interface UploaderOptions {
  clock: Clock;
  random: Random;
  logger: Logger;
  /** names that are ours; reached as given, whatever their address */
  hosts?: Record<string, Endpoint>;
  /** lets everyone reach loopback, link-local and other inner addresses; default false */
  allowLoopback?: boolean;
  /** at once; default 5, as Diego's */
  maxConcurrent?: number;
  /** ms without a byte until a try is given up; default 60 s */
  idleTimeoutMs?: number;
}

export interface ClosableUploader extends Uploader {
  close(): Promise<void>;
}

/** What says "send the same there": others would make a GET of it. */
const REDIRECTS = new Set([307, 308]);
const CANCELLED: UploadResult = { ok: false, reason: 'cancelled' };

interface Payload {
  file: string;
  bytes: number;
  md5: string;
}

const measure = async (file: string): Promise<Payload> => {
  const hash = createHash('md5');
  await pipeline(createReadStream(file), hash);
  return { file, bytes: (await stat(file)).size, md5: hash.digest('base64') };
};

/** `retry`: the same again may go better */
type Try = { ok: true } | { ok: false; reason: string; retry: boolean };

const judge = ({ statusCode }: Dispatcher.ResponseData): Try =>
  statusCode >= 200 && statusCode < 300
    ? { ok: true }
    : { ok: false, reason: `status ${statusCode}`, retry: isPassing(statusCode) };

/** Every stop on the way is a URL that nobody vouches for, and checked like the first. */
const post = async (router: Router, to: string, payload: Payload, signal: AbortSignal): Promise<Try> => {
  let url = outboundUrl(to);
  for (let left = MAX_REDIRECTS; left >= 0; left -= 1) {
    const headers = {
      'content-type': 'application/octet-stream',
      'content-length': String(payload.bytes),
      'content-md5': payload.md5,
      ...outboundCredentials(url),
    };
    const body = createReadStream(payload.file);
    const asked = { method: 'POST', headers, body, signal } as const;
    const response = await ask(router.of(url), asked, false).finally(() => body.destroy());
    await response.body.dump();
    const next = REDIRECTS.has(response.statusCode) ? redirectOf(response, url) : undefined;
    if (next === undefined) return judge(response);
    url = next;
  }
  throw tooManyRedirects();
};

export const createUploader = (options: UploaderOptions): ClosableUploader => {
  const { clock, random, allowLoopback = false, idleTimeoutMs = 60_000 } = options;
  const logger = options.logger.session('uploader');
  const router = createRouter({ hosts: connectionsTo(options, logger), allowLoopback, idleTimeoutMs });
  const slots = createSlots(options.maxConcurrent ?? 5);

  const attempt = async (to: string, payload: Payload, signal: AbortSignal): Promise<Try> => {
    try {
      return await post(router, to, payload, signal);
    } catch (error) {
      return { ok: false, reason: reasonOf(error, signal), retry: mayGoBetter(error, signal) };
    }
  };

  const send = async ({ to, artifact }: UploadAction, file: string, signal: AbortSignal) => {
    const payload = await measure(file);
    for (let tries = 1; ; tries += 1) {
      const result = await attempt(to, payload, signal);
      if (result.ok) return { ok: true, bytes: payload.bytes } as const;
      logger.info('upload-failed', { artifact, reason: result.reason, tries });
      if (!result.retry || tries === MAX_ATTEMPTS) return { ok: false, reason: result.reason } as const;
      if (!(await pause(clock, backOff(tries, random), signal))) return CANCELLED;
    }
  };

  return {
    upload: async (action, file, signal) =>
      (await unlessAborted(signal, slots, () => send(action, file, signal))) ?? CANCELLED,
    async close() {
      await Promise.all(router.agents.map((agent) => agent.destroy()));
    },
  };
};
