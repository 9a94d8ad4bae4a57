import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Metrics } from '../ports/metrics.js';
import { createDoor } from './door.js';
import type { Door, DoorAddress } from './door.js';
import type { Member } from './group.js';
import { healthOf } from './health.js';
import type { Health } from './health.js';

export interface AdminServerOptions {
  address: DoorAddress;
  /** the component that it speaks for: 'bbs', 'cell-rep' … */
  what: string;
  clock: Clock;
  logger: Logger;
  metrics: Pick<Metrics, 'contentType' | 'scrape'>;
  /** asked anew for every request; before the component starts and after it has stopped, too */
  health(): Health;
}

export interface AdminServer extends Member {
  /** `unix:/path` or `https://host:port`; known once started */
  url(): string;
}

const PATHS: readonly string[] = ['/health', '/metrics'];
const KNOWN_PATHS = PATHS.join(' and ');

const pathOf = (request: FastifyRequest): string => request.url.split('?')[0] ?? '';

const refuse = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const path = pathOf(request);
  if (!PATHS.includes(path)) {
    return reply
      .code(404)
      .send({ error: 'NotFound', reason: `there is no ${path} here, but ${KNOWN_PATHS}` });
  }
  const reason = `${path} is read with GET, not ${request.method}`;
  return reply.code(405).header('allow', 'GET, HEAD').send({ error: 'MethodNotAllowed', reason });
};

const askHealth = ({ health, logger }: AdminServerOptions): Health => {
  try {
    return health();
  } catch (error) {
    logger.error('health-unknown', { error });
    return healthOf([`its health cannot be told: ${error instanceof Error ? error.message : error}`], {});
  }
};

const buildApp = (options: AdminServerOptions, door: Door): FastifyInstance => {
  const { what, logger, metrics } = options;
  const app = fastify({ logger: false, serverFactory: (listener) => door.server(listener) });
  app.get('/health', (_request, reply) => {
    const { healthy, reason, details } = askHealth(options);
    const shown = { healthy, component: what, ...(reason !== '' && { reason }), ...details };
    return reply
      .code(healthy ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(shown);
  });
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.contentType).send(await metrics.scrape()),
  );
  // bodies are of no use here, and whatever their type, it is the method that is wrong
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null);
  });
  app.setNotFoundHandler(refuse);
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error('request-failed', { error });
    return reply.code(status).send({ error: 'RequestFailed', reason: error.message });
  });
  return app;
};

/**
 * What a component's operator asks of it, behind a door of its own: `GET /health` (200, or 503 with a reason)
 * and `GET /metrics` (Prometheus' text format). A member to start before all others, and so to stop last.
 */
export const createAdminServer = (options: AdminServerOptions): AdminServer => {
  const { address, what, clock, logger } = options;
  const door = createDoor({ address, what: `${what} admin`, clock, logger });
  let app: FastifyInstance | undefined;
  return {
    name: `${what}-admin`,
    async start() {
      app = buildApp(options, door);
      await app.ready();
      await door.open();
      logger.info('admin-listening', { url: door.url() });
    },
    url: door.url,
    async stop() {
      await door.close();
      await app?.close();
    },
  };
};
