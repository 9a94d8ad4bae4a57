import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../common/ports/random.js';
import { ENDPOINT_FILE, type EndpointFile } from '../http/target.js';

/** bytes of the API's token */
const TOKEN_BYTES = 32;

const writeSecret = (file: string, text: string): void => {
  const temporary = `${file}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
};

/** The bearer token of the API: made at the first start, kept from then on. */
export const readToken = (dataDir: string, random: Random): string => {
  const file = join(dataDir, 'token');
  if (!existsSync(file)) writeSecret(file, random.secret(TOKEN_BYTES));
  return readFileSync(file, 'utf8').trim();
};

/** Tells the command line where the running system is. */
export const writeEndpoint = (dataDir: string, endpoint: EndpointFile): void =>
  writeSecret(join(dataDir, ENDPOINT_FILE), `${JSON.stringify(endpoint, null, 2)}\n`);

export const removeEndpoint = (dataDir: string): void =>
  rmSync(join(dataDir, ENDPOINT_FILE), { force: true });

/** A directory below the data directory that only its owner reads. */
export const privateDir = (dataDir: string, name: string): string => {
  const dir = join(dataDir, name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
};
