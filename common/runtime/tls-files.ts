import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { OutcryError } from '../model/errors.js';
import { fileReason } from '../model/file-reason.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';

/** Paths of PEM files: one's own certificate and its private key. */
export interface KeyPairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** … and the authority whose certificates are trusted. */
export interface TlsFiles extends KeyPairFiles {
  readonly caFile: string;
}

/** What they hold. */
export interface TlsKeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface TlsIdentity extends TlsKeyPair {
  readonly ca: string;
}

export interface ReadTlsOptions<Files> {
  files: Files;
  /** whose they are, as errors name it: 'BBS', 'client of the BBS' */
  what: string;
  clock: Clock;
  logger: Logger;
}

/** Certificates are renewed before so little is left of them, ms. */
const SOON_MS = 30 * 24 * 3_600_000;

const read = (path: string, what: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = `${path}: ${fileReason(cause)}`;
    throw new OutcryError('TLS_FILES_INVALID', { what, reason }, { cause });
  }
};

/** An expired certificate is told of and used all the same: whoever is asked decides, and clocks may be wrong. */
const warnOfExpiry = (cert: string, { files, what, clock, logger }: ReadTlsOptions<KeyPairFiles>): void => {
  const until = new X509Certificate(cert).validTo;
  const left = Date.parse(until) - clock.now();
  if (left > SOON_MS) return;
  const details = { path: files.certFile, what, until };
  const { code, message, remedy } = new OutcryError('CERTIFICATE_EXPIRES', details);
  const event = left > 0 ? 'certificate-expires-soon' : 'certificate-expired';
  logger.warn(event, { code, message, remedy });
};

const readPair = ({ files, what }: ReadTlsOptions<KeyPairFiles>): TlsKeyPair => ({
  cert: read(files.certFile, what),
  key: read(files.keyFile, what),
});

const checked = <T extends TlsKeyPair>(identity: T, options: ReadTlsOptions<KeyPairFiles>): T => {
  const { files, what } = options;
  try {
    createSecureContext(identity);
    warnOfExpiry(identity.cert, options);
  } catch (cause) {
    const reason = `${files.certFile}: ${(cause as Error).message}`;
    throw new OutcryError('TLS_FILES_INVALID', { what, reason }, { cause });
  }
  return identity;
};

/** Reads and checks them: TLS_FILES_INVALID, with the file or the reason, when they cannot be used together. */
export const readTls = (options: ReadTlsOptions<TlsFiles>): TlsIdentity =>
  checked({ ...readPair(options), ca: read(options.files.caFile, options.what) }, options);

/** The same for one who asks nobody for a certificate. */
export const readKeyPair = (options: ReadTlsOptions<KeyPairFiles>): TlsKeyPair =>
  checked(readPair(options), options);
