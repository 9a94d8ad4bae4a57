import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';

/** Written by the running system into its data directory (0600), read by the command line. */
export interface EndpointFile {
  api: string;
  router: string;
  token: string;
  pid: number;
}

export const ENDPOINT_FILE = 'endpoint.json';

type Environment = Readonly<Record<string, string | undefined>>;

export const defaultDataDir = (env: Environment): string =>
  env.OUTCRY_DATA || join(env.HOME || homedir(), '.outcry');

const isEndpoint = (value: unknown): value is EndpointFile => {
  const { api, token } = (value ?? {}) as Partial<EndpointFile>;
  return typeof api === 'string' && typeof token === 'string';
};

interface Target {
  url: string;
  token: string;
  /** known of the local system only */
  router?: string;
  /** PEM: the authority that signed the API's certificate; absent = the system's own */
  ca?: string;
}

const readAuthority = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OutcryError('FILE_UNREADABLE', { path, reason: (cause as Error).message }, { cause });
  }
};

/** Where the API is: `OUTCRY_API`, `OUTCRY_TOKEN` and, for one with TLS, `OUTCRY_CA`; else what the local system has written down. */
export const findTarget = (env: Environment): Target => {
  if (env.OUTCRY_API) {
    if (!env.OUTCRY_TOKEN) throw new OutcryError('TOKEN_MISSING', { url: env.OUTCRY_API });
    const ca = env.OUTCRY_CA ? { ca: readAuthority(env.OUTCRY_CA) } : {};
    return { url: env.OUTCRY_API, token: env.OUTCRY_TOKEN, ...ca };
  }
  const file = join(defaultDataDir(env), ENDPOINT_FILE);
  let endpoint: unknown;
  try {
    endpoint = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new OutcryError('NOT_RUNNING', { file }, { cause });
  }
  if (!isEndpoint(endpoint)) throw new OutcryError('NOT_RUNNING', { file });
  return { url: endpoint.api, token: endpoint.token, router: endpoint.router };
};
