import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import type { ApiClientOptions } from './api-client.js';

/** Written by the running system into its data directory (0600), read by the command line. */
export interface EndpointFile {
  api: string;
  router: string;
  token: string;
  pid: number;
}

export const ENDPOINT_FILE = 'endpoint.json';

export const defaultDataDir = (env: Readonly<Record<string, string | undefined>>): string =>
  env.OUTCRY_DATA ?? join(env.HOME ?? homedir(), '.outcry');

/** Where the API is: `OUTCRY_API` and `OUTCRY_TOKEN`, else what the local system has written down. */
export const findTarget = (env: Readonly<Record<string, string | undefined>>): ApiClientOptions => {
  if (env.OUTCRY_API !== undefined) {
    if (env.OUTCRY_TOKEN === undefined) throw new OutcryError('TOKEN_MISSING', { url: env.OUTCRY_API });
    return { url: env.OUTCRY_API, token: env.OUTCRY_TOKEN };
  }
  const file = join(defaultDataDir(env), ENDPOINT_FILE);
  try {
    const endpoint = JSON.parse(readFileSync(file, 'utf8')) as EndpointFile;
    return { url: endpoint.api, token: endpoint.token };
  } catch (cause) {
    throw new OutcryError('NOT_RUNNING', { file }, { cause });
  }
};
