/** The HTTP side of a simulated master: who may enter, where it leads, and what a master answers that does not lead. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Faults } from '../faults.js';
import type { Master } from '../master/state.js';
import { answer, answerNotFound, answerUnauthorized } from './answer.js';
import { VERSION } from '../master/master-info.js';
import { serveOperator } from './operator-api.js';
import { readBasic } from './request.js';
import { serveScheduler } from './scheduler-api.js';

/** What a master is at the moment. */
export type Standing =
  | { readonly kind: 'starting' }
  | { readonly kind: 'recovering' }
  /** undefined: nobody leads, so far as it knows; else `host:port` */
  | { readonly kind: 'following'; readonly leader: string | undefined }
  | { readonly kind: 'leading'; readonly m: Master };

export interface Credential {
  readonly principal: string;
  readonly secret: string;
}

/** 'none': whoever reaches the port may enter; for tests on the loopback interface */
export type Credentials = readonly Credential[] | 'none';

export interface MasterServerOptions {
  readonly standing: () => Standing;
  readonly credentials: Credentials;
  readonly faults: Faults;
  /** `host:port` of this master */
  readonly address: () => string;
  readonly abort: () => void;
}

const SCHEDULER_REALM = 'mesos-master-scheduler';
const OPERATOR_REALM = 'mesos-master-readwrite';

const sameText = (left: string, right: string): boolean => {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/** undefined: nobody whom these credentials know */
const principalIn = (request: IncomingMessage, credentials: readonly Credential[]): string | undefined => {
  const [principal, secret] = readBasic(request.headers.authorization) ?? [];
  const known = credentials.find((credential) => credential.principal === principal);
  return known && secret !== undefined && sameText(known.secret, secret) ? known.principal : undefined;
};

interface Target {
  readonly kind: 'scheduler' | 'operator' | 'redirect' | 'health' | 'version' | 'unknown';
  /** as a redirect has it */
  readonly path: string;
}

const kindOf = (path: string): Target['kind'] => {
  if (path === '/api/v1/scheduler') return 'scheduler';
  if (path === '/api/v1' || path.startsWith('/api/v1/')) return 'operator';
  if (path === '/redirect') return 'redirect';
  if (path === '/health') return 'health';
  return path === '/version' ? 'version' : 'unknown';
};

/** Every path is known with and without `/master` before it. */
const targetOf = (url: string): Target => {
  const [pathname = '', query] = url.split('?');
  const path = pathname.replace(/^\/master(?=\/)/, '');
  return { kind: kindOf(path), path: `/master${path}${query === undefined ? '' : `?${query}`}` };
};

const VERSION_JSON = JSON.stringify({ version: VERSION });

const answerItself = (response: ServerResponse, kind: Target['kind']): boolean => {
  if (kind === 'health') answer(response, 200);
  else if (kind === 'version')
    answer(response, 200, Buffer.from(VERSION_JSON), { 'Content-Type': 'application/json' });
  else if (kind === 'unknown') answerNotFound(response);
  else return false;
  return true;
};

const redirect = (response: ServerResponse, leader: string | undefined, path: string): void =>
  leader === undefined
    ? answer(response, 503, 'No leader elected')
    : answer(response, 307, '', { Location: `//${leader}${path}` });

export const createMasterServer = (options: MasterServerOptions): Server => {
  const { standing, credentials, faults, address, abort } = options;

  const lead = async (target: Target, principal: string | undefined, m: Master, exchange: Exchange) => {
    const { request, response } = exchange;
    if (target.kind === 'redirect') return redirect(response, address(), '');
    if (target.kind === 'operator') return serveOperator({ m, request, response });
    return serveScheduler({ m, request, response, principal, faults, abort });
  };

  const serve = async (exchange: Exchange): Promise<void> => {
    const { request, response } = exchange;
    const now = standing();
    const target = targetOf(request.url ?? '/');
    if (now.kind === 'starting') return answerNotFound(response);
    if (answerItself(response, target.kind)) return;
    const principal = credentials === 'none' ? undefined : principalIn(request, credentials);
    if (credentials !== 'none' && principal === undefined && target.kind !== 'redirect')
      return answerUnauthorized(response, target.kind === 'scheduler' ? SCHEDULER_REALM : OPERATOR_REALM);
    if (now.kind === 'following')
      return redirect(response, now.leader, target.kind === 'redirect' ? '' : target.path);
    if (now.kind === 'recovering') return answer(response, 503, 'Master has not finished recovery');
    return lead(target, principal, now.m, exchange);
  };

  const server = createServer((request, response) => {
    void serve({ request, response }).catch(() => response.destroy());
  });
  // an idle connection stays open, as a real master leaves it
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  return server;
};

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}
