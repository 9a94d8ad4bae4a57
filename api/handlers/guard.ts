import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bareHost, isLoopback } from '../../common/model/address.js';
import { codedFailure } from '../core/failure.js';
import { OPEN_PATHS } from './root.js';
import { sendFailures } from './respond.js';

/** Who may ask, and from where (design: no listener without credentials, loopback included). */
export interface GuardOptions {
  token: string;
  /** host names answered to, without port */
  allowedHosts: readonly string[];
  /** origins of web pages that may call, beside the API's own */
  allowedOrigins: readonly string[];
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const bearer = (header: string | undefined): string | undefined => /^bearer +(\S+)$/i.exec(header ?? '')?.[1];

/** Without its port. */
const nameOf = (host: string): string => bareHost(host.replace(/:\d+$/, '')).toLowerCase();

const hostOf = (origin: string): string | undefined => {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
};

/**
 * A web page that got a name to resolve to this address (DNS rebinding) sends a foreign Host; a page of
 * another site, or of an application served here, sends its own Origin. Both are refused before the token counts.
 */
export const createGuard = (options: GuardOptions) => {
  const hosts = new Set(options.allowedHosts.map((host) => bareHost(host).toLowerCase()));
  const origins = new Set(options.allowedOrigins);
  const expected = digest(options.token);

  const originRefused = (request: FastifyRequest): boolean => {
    const { origin } = request.headers;
    return origin !== undefined && !origins.has(origin) && hostOf(origin) !== request.host;
  };

  // Digests are of one length, so that the comparison takes the same time for any token.
  const tokenRefused = (request: FastifyRequest): boolean => {
    const given = bearer(request.headers.authorization);
    return given === undefined || !timingSafeEqual(digest(given), expected);
  };

  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    // HTTP/1.0 may leave it out
    const host = nameOf(request.host ?? '');
    if (!isLoopback(host) && !hosts.has(host))
      return sendFailures(reply, [codedFailure('API_HOST_REFUSED', { host })]);
    if (originRefused(request)) {
      const origin = String(request.headers.origin);
      return sendFailures(reply, [codedFailure('API_ORIGIN_REFUSED', { origin })]);
    }
    const path = request.url.split('?')[0] ?? '';
    if (OPEN_PATHS.has(path) && (request.method === 'GET' || request.method === 'HEAD')) return undefined;
    return tokenRefused(request) ? sendFailures(reply, [codedFailure('API_TOKEN_REFUSED')]) : undefined;
  };
};
