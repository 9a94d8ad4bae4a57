import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import multipart from '@fastify/multipart';
import fastify from 'fastify';
import type { FastifyError, FastifyInstance } from 'fastify';
import { isToken } from '../../common/model/ids.js';
import { OutcryError } from '../../common/model/errors.js';
import type { TlsKeyPair } from '../../common/runtime/tls-files.js';
import type { ApiFailure } from '../core/failure.js';
import { cfFailure, codedFailure } from '../core/failure.js';
import { appRoutes } from './apps.js';
import { auctionRoutes } from './auctions.js';
import type { Deps } from './deps.js';
import type { GuardOptions } from './guard.js';
import { createGuard } from './guard.js';
import { logRoutes } from './logs.js';
import { manifestRoutes } from './manifests.js';
import { mesosRoutes } from './mesos.js';
import { outcryRoutes } from './outcry.js';
import { packageRoutes } from './packages.js';
import { processRoutes } from './processes.js';
import { sendFailures } from './respond.js';
import { rootRoutes } from './root.js';
import { routeRoutes } from './routes.js';
import { taskRoutes } from './tasks.js';

/** Bodies other than uploads: manifests are the largest. */
const BODY_LIMIT = 1024 * 1024;
const REQUEST_ID = 'x-vcap-request-id';
const MAX_REQUEST_ID = 128;

const YAML_TYPES = ['application/x-yaml', 'application/yaml', 'text/x-yaml', 'text/yaml', 'text/plain'];

/** Clients name JSON on every request, bodiless ones too. */
const acceptBodies = (server: FastifyInstance): void => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(String(body)));
    } catch (cause) {
      done(Object.assign(new Error('not JSON', { cause }), { statusCode: 400 }), undefined);
    }
  });
  server.addContentTypeParser(YAML_TYPES, { parseAs: 'string' }, (_request, body, done) => done(null, body));
};

const PARSE_ERROR = 'Request invalid due to parse error: invalid request body';

const failureOf = (error: FastifyError): ApiFailure | undefined => {
  if (error instanceof OutcryError) return codedFailure(error.code, error.details);
  const status = error.statusCode ?? 500;
  if (status >= 500) return undefined;
  const detail = status === 400 ? PARSE_ERROR : error.message;
  return { ...cfFailure('MessageParseError', detail), status };
};

const answerErrors = (server: FastifyInstance, deps: Deps): void => {
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const failure = failureOf(error);
    if (failure) return sendFailures(reply, [failure]);
    deps.logger.error('request-failed', { method: request.method, url: request.url, error });
    return sendFailures(reply, [codedFailure('INTERNAL', { reason: error.message })]);
  });
  server.setNotFoundHandler((_request, reply) =>
    sendFailures(reply, [cfFailure('NotFound', 'Unknown request')]),
  );
};

const countAnswers = (server: FastifyInstance, { metrics }: Deps): void => {
  server.addHook('onResponse', async (request, reply) => {
    const { url } = request.routeOptions;
    const route = url === undefined ? '' : `${request.method} ${url}`;
    metrics.answered({ route, status: reply.statusCode, ms: reply.elapsedTime });
  });
};

const requestId = (given: unknown, fresh: () => string): string =>
  typeof given === 'string' && given.length <= MAX_REQUEST_ID && isToken(given) ? given : fresh();

export const TLS_VERSIONS = { minVersion: 'TLSv1.2' } as const;

/** Plain HTTP where there is no TLS. */
const behind =
  (tls: TlsKeyPair | undefined) =>
  (listener: RequestListener): Server =>
    tls ? createHttpsServer({ ...tls, ...TLS_VERSIONS }, listener) : createHttpServer(listener);

/** The HTTP server, not yet listening. */
export const createServer = async (options: {
  deps: Deps;
  guard: GuardOptions;
  tls?: TlsKeyPair | undefined;
}): Promise<FastifyInstance> => {
  const { deps, guard } = options;
  const server = fastify({
    serverFactory: behind(options.tls),
    logger: false,
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: 'idle',
    // paths that cannot be decoded
    frameworkErrors: (_error, _request, reply) =>
      sendFailures(reply, [cfFailure('MessageParseError', PARSE_ERROR)]),
    routerOptions: { maxParamLength: 256 },
    genReqId: (request) => requestId(request.headers[REQUEST_ID], () => deps.random.uuid()),
  });
  acceptBodies(server);
  await server.register(multipart);
  const check = createGuard(guard);
  server.addHook('onRequest', async (request, reply) => {
    reply.header(REQUEST_ID, request.id);
    return check(request, reply);
  });
  answerErrors(server, deps);
  countAnswers(server, deps);
  for (const routes of [
    rootRoutes,
    manifestRoutes,
    appRoutes,
    processRoutes,
    packageRoutes,
    routeRoutes,
    taskRoutes,
    logRoutes,
    outcryRoutes,
    auctionRoutes,
    mesosRoutes,
  ]) {
    routes(server, deps);
  }
  return server;
};
