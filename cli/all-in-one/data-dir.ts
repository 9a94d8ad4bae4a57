import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { LONGEST_SOCKET_PATH } from '../../common/runtime/door.js';
import { ENDPOINT_FILE, type EndpointFile } from '../http/target.js';

/** The sockets in the data directory set a limit to its path. */
export const checkDepth = (dataDir: string, longestSocket: string): void => {
  const longest = LONGEST_SOCKET_PATH - longestSocket.length;
  if (Buffer.byteLength(dataDir) > longest)
    throw new OutcryError('DATA_DIR_TOO_DEEP', { path: dataDir, longest });
};

const writeSecret = (file: string, text: string): void => {
  const temporary = `${file}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
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
