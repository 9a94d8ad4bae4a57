/** Certificates that are renewed while they are in use. */
import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { OutcryError } from '../model/errors.js';
import { readKeyPair, readTls } from './tls-files.js';
import type { KeyPairFiles, ReadTlsOptions, TlsFiles, TlsIdentity, TlsKeyPair } from './tls-files.js';

export interface Renewable<Identity> {
  current(): Identity;
  /** reads the files again: true when they hold others now. Those that cannot be used are told of, and the old ones stay. */
  renew(): boolean;
}

const openRenewable = <Files extends KeyPairFiles, Identity extends TlsKeyPair>(
  options: ReadTlsOptions<Files>,
  read: (options: ReadTlsOptions<Files>) => Identity,
): Renewable<Identity> => {
  const { files, what, logger } = options;
  let identity = read(options);

  const take = (next: Identity): boolean => {
    const changed = !isDeepStrictEqual(next, identity);
    identity = next;
    const { validTo: until } = new X509Certificate(next.cert);
    const event = changed ? 'certificate-renewed' : 'certificate-unchanged';
    logger.info(event, { what, path: files.certFile, until });
    return changed;
  };

  return {
    current: () => identity,
    renew() {
      try {
        return take(read(options));
      } catch (error) {
        if (!(error instanceof OutcryError)) throw error;
        const { code, message, remedy } = error;
        logger.error('certificate-not-renewed', { code, message, remedy });
        return false;
      }
    },
  };
};

/** TLS_FILES_INVALID when they cannot be used from the beginning. */
export const openTls = (options: ReadTlsOptions<TlsFiles>): Renewable<TlsIdentity> =>
  openRenewable(options, readTls);

/** The same for one who asks nobody for a certificate. */
export const openKeyPair = (options: ReadTlsOptions<KeyPairFiles>): Renewable<TlsKeyPair> =>
  openRenewable(options, readKeyPair);
