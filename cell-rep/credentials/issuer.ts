/** Makes certificates for instances, signed by the authority in two files. */
import { X509Certificate, createPrivateKey, generateKeyPair } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import type { CredentialIssuer, Credentials, CredentialSubject } from '../core/credentials.js';
import { createSlots } from '../waiting/slots.js';
import { makeCertificate } from './certificate.js';
import type { Authority } from './certificate.js';

export interface IssuerOptions {
  /** PEM: the authority's certificate, and others that lead to a root, if there are any */
  caFile: string;
  /** PEM, without a passphrase: RSA or EC */
  keyFile: string;
  validityMs: number;
  clock: Clock;
  random: Random;
}

/** as Diego's */
const KEY_BITS = 3072;
/** Keys made at once: each takes a core for a good part of a second, on threads that files are read by as well. */
const KEYS_AT_ONCE = 2;
const SECOND_MS = 1_000;

const generate = promisify(generateKeyPair);

interface LoadedAuthority extends Authority {
  pem: string;
}

const unusable = (path: string, reason: string, cause?: unknown): OutcryError =>
  new OutcryError('INSTANCE_AUTHORITY_UNUSABLE', { path, reason }, { cause });

const load = async <T>(path: string, read: (text: string) => T): Promise<T> => {
  try {
    return read(await readFile(path, 'utf8'));
  } catch (error) {
    throw unusable(path, fileReason(error), error);
  }
};

/** Read for each certificate: an operator may put another authority in its place at any time. */
const loadAuthority = async ({ caFile, keyFile, clock }: IssuerOptions): Promise<LoadedAuthority> => {
  const [pem, certificate] = await load(caFile, (text) => [text, new X509Certificate(text)] as const);
  const key = await load(keyFile, createPrivateKey);
  if (!certificate.ca) throw unusable(caFile, 'it is not the certificate of an authority');
  if (Date.parse(certificate.validTo) <= clock.now())
    throw unusable(caFile, `it has expired on ${certificate.validTo}`);
  if (!certificate.checkPrivateKey(key)) throw unusable(keyFile, `it is not the key of ${caFile}`);
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec')
    throw unusable(keyFile, 'only RSA and EC keys can sign here');
  return { pem, certificate, key };
};

const serialOf = (random: Random): Buffer => {
  const bytes = Buffer.from(random.uuid().replaceAll('-', ''), 'hex');
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  return bytes;
};

const issueNow = async (subject: CredentialSubject, options: IssuerOptions): Promise<Credentials> => {
  const authority = await loadAuthority(options);
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: KEY_BITS });
  const notBefore = Math.floor(options.clock.now() / SECOND_MS) * SECOND_MS;
  const notAfter = notBefore + options.validityMs;
  const serial = serialOf(options.random);
  const certificate = makeCertificate({ ...subject, publicKey, serial, notBefore, notAfter }, authority);
  return {
    certificate: certificate + authority.pem,
    key: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    validUntil: notAfter,
  };
};

/** Throws INSTANCE_AUTHORITY_UNUSABLE when the files are none to begin with; what becomes of them later fails one by one. */
export const createCredentialIssuer = async (options: IssuerOptions): Promise<CredentialIssuer> => {
  await loadAuthority(options);
  const slots = createSlots(KEYS_AT_ONCE);
  return {
    validityMs: options.validityMs,
    async issue(subject) {
      try {
        return { ok: true, credentials: await slots(() => issueNow(subject, options)) };
      } catch (error) {
        return { ok: false, reason: (error as Error).message };
      }
    },
  };
};
