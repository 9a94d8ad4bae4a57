import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import type { Random } from '../../common/ports/random.js';

/** Whoever may see routes and figures. */
export interface Credentials {
  readonly user: string;
  readonly pass: string;
}

/** Given in the configuration, or kept in a file that the first start makes. */
export type CredentialsSource = Credentials | { readonly file: string };

const SECRET_BYTES = 24;

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new OutcryError('CREDENTIALS_INVALID', { path, reason: fileReason(cause) }, { cause });
  }
};

const parse = (text: string): Partial<Credentials> => {
  try {
    return (JSON.parse(text) ?? {}) as Partial<Credentials>;
  } catch {
    return {};
  }
};

const checked = (path: string, { user, pass }: Partial<Credentials>): Credentials => {
  if (typeof user === 'string' && user !== '' && typeof pass === 'string' && pass !== '')
    return { user, pass };
  throw new OutcryError('CREDENTIALS_INVALID', { path, reason: 'it has no user and pass' });
};

const make = (path: string, random: Random): Credentials => {
  const made = { user: 'router-status', pass: random.secret(SECRET_BYTES) };
  try {
    // two that start at once: the second takes what the first has written
    writeFileSync(path, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return checked(path, parse(readText(path) ?? ''));
    throw new OutcryError('FILE_UNWRITABLE', { path, reason: fileReason(cause) }, { cause });
  }
  return made;
};

/** CREDENTIALS_INVALID when the file holds none, FILE_UNWRITABLE when it cannot be made. */
export const openCredentials = (source: CredentialsSource, random: Random): Credentials => {
  if (!('file' in source)) return source;
  const text = readText(source.file);
  return text === undefined ? make(source.file, random) : checked(source.file, parse(text));
};

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether an `Authorization` header shows them; takes as long for any wrong one. */
export const isAuthorized = (credentials: Credentials, header: string | undefined): boolean => {
  const [, encoded = ''] = /^Basic +(\S+)$/i.exec(header ?? '') ?? [];
  const shown = Buffer.from(encoded, 'base64').toString('utf8');
  return timingSafeEqual(digest(shown), digest(`${credentials.user}:${credentials.pass}`));
};
