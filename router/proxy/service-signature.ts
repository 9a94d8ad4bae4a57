import { createCipheriv, createDecipheriv, pbkdf2Sync } from 'node:crypto';
import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { EXPIRED } from '../core/route-service.js';
import type { RouteServiceRules, ServiceHeaders } from '../core/route-service.js';

const CIPHER = 'aes-128-gcm';
const KEY_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** gorouter's: routers of both kinds can stand side by side */
const ITERATIONS = 100_001;

/** base64 with the alphabet for URLs, padded, as Go writes it. */
const encode = (bytes: Buffer): string => bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
const decode = (text: string): Buffer => Buffer.from(text, 'base64url');

/** Proves that a request was sent to a route service by a router that knows the secret. */
export interface ServiceSignatures {
  sign(forwardedUrl: string): ServiceHeaders;
  /** the URL that was signed; the problem in words otherwise */
  verify(headers: Pick<ServiceHeaders, 'signature' | 'metadata'>): Result<string, string>;
}

interface Contents {
  readonly forwarded_url?: unknown;
  readonly requested_time?: unknown;
}

const parse = (text: string): Record<string, unknown> | undefined => {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};

const decrypt = (key: Buffer, nonce: Buffer, sealed: Buffer): string | undefined => {
  if (nonce.length !== NONCE_BYTES || sealed.length < TAG_BYTES) return undefined;
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
};

export const createServiceSignatures = (
  rules: RouteServiceRules,
  clock: Clock,
  random: Random,
): ServiceSignatures => {
  const keys = rules.secrets.map((secret) => pbkdf2Sync(secret, '', ITERATIONS, KEY_BYTES, 'sha256'));

  const encrypt = (text: string): { sealed: Buffer; nonce: Buffer } => {
    const nonce = Buffer.from(random.secret(NONCE_BYTES), 'hex');
    const [key] = keys;
    if (!key) throw new Error('no secret for route services');
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    return { sealed: Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]), nonce };
  };

  const open = (sealed: Buffer, nonce: Buffer): Contents | undefined => {
    for (const key of keys) {
      const text = decrypt(key, nonce, sealed);
      if (text !== undefined) return parse(text);
    }
    return undefined;
  };

  return {
    sign(forwardedUrl) {
      const contents = { forwarded_url: forwardedUrl, requested_time: new Date(clock.now()).toISOString() };
      const { sealed, nonce } = encrypt(JSON.stringify(contents));
      const metadata = encode(Buffer.from(JSON.stringify({ nonce: nonce.toString('base64') })));
      return { signature: encode(sealed), metadata, forwardedUrl };
    },
    verify({ signature, metadata }) {
      if (metadata === '') return err('No metadata found');
      const nonce = parse(decode(metadata).toString())?.['nonce'];
      if (typeof nonce !== 'string') return err('metadata is not readable');
      const contents = open(decode(signature), Buffer.from(nonce, 'base64'));
      if (!contents) return err('cipher: message authentication failed');
      const time = Date.parse(String(contents.requested_time));
      if (Number.isNaN(time) || typeof contents.forwarded_url !== 'string')
        return err('contents are not readable');
      return clock.now() - time > rules.timeoutMs ? err(EXPIRED) : ok(contents.forwarded_url);
    },
  };
};
