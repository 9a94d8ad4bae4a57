import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import type { MesosTls } from './http/transport.js';

/** Paths of PEM files. Without `caFile` the authorities that Node.js knows are trusted; the other two come together. */
export interface MesosTlsFiles {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

const WHAT = 'client of Mesos';

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OutcryError(
      'TLS_FILES_INVALID',
      { what: WHAT, reason: `${path}: ${fileReason(cause)}` },
      { cause },
    );
  }
};

/** Reads and checks them: TLS_FILES_INVALID, with the file or the reason, when they cannot be used together. */
export const readMesosTls = ({ caFile, certFile, keyFile }: MesosTlsFiles): MesosTls => {
  const tls: MesosTls = {
    ...(caFile !== undefined && { ca: read(caFile) }),
    ...(certFile !== undefined && { cert: read(certFile) }),
    ...(keyFile !== undefined && { key: read(keyFile) }),
  };
  try {
    if ((tls.cert === undefined) !== (tls.key === undefined))
      throw new Error('a certificate and its key go together');
    createSecureContext(tls);
    return tls;
  } catch (cause) {
    throw new OutcryError('TLS_FILES_INVALID', { what: WHAT, reason: (cause as Error).message }, { cause });
  }
};
