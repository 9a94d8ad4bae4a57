import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { OutcryError } from '../model/errors.js';
import { fileReason } from '../model/file-reason.js';
import type { NatsLinkOptions } from './nats-link.js';

/** Where and as whom a component connects. */
export type NatsAccess = Pick<NatsLinkOptions, 'servers' | 'tls'> & {
  credentials: { user: string; password: string };
};

const invalid = (path: string, problem: string, cause?: unknown): OutcryError =>
  new OutcryError('NATS_FILE_INVALID', { path, problem }, { cause });

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(path, fileReason(error), error);
  }
};

const parse = (path: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(read(path));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    // the text of a syntax error may show a password
    throw error instanceof OutcryError ? error : invalid(path, 'is not JSON');
  }
  throw invalid(path, 'is not a JSON object');
};

const KEYS = ['servers', 'user', 'password', 'ca'];
const SERVER = /^(nats|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/;

/**
 * Reads the file of one user as `outcry nats-config` writes it. NATS_FILE_INVALID, with the file and the
 * key, when it or its authority's certificate cannot be read; the authority is looked up beside the file.
 */
export const readNatsAccess = (path: string): NatsAccess => {
  const file = parse(path);
  const unknown = Object.keys(file).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw invalid(path, `unknown key ${unknown}; it has ${KEYS.join(', ')}`);
  const { servers, ca } = file;
  if (!Array.isArray(servers) || servers.length === 0) throw invalid(path, 'servers: must be a list');
  for (const [at, server] of (servers as unknown[]).entries()) {
    if (typeof server !== 'string' || !SERVER.test(server)) {
      // not shown: it may hold a password
      throw invalid(path, `servers: number ${at + 1} is not nats://HOST:PORT or tls://HOST:PORT`);
    }
  }
  const text = (key: 'user' | 'password'): string => {
    const value = file[key];
    if (typeof value === 'string' && value !== '') return value;
    throw invalid(path, `${key}: must be text`);
  };
  if (ca !== undefined && typeof ca !== 'string') throw invalid(path, 'ca: must be the path of a file');
  return {
    servers: servers as string[],
    credentials: { user: text('user'), password: text('password') },
    ...(ca === undefined ? {} : { tls: { ca: read(resolve(dirname(path), ca)) } }),
  };
};
