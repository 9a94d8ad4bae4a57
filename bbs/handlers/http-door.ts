import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { createDoor } from '../../common/runtime/door.js';
import type { Door } from '../../common/runtime/door.js';
import type { Member } from '../../common/runtime/group.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import type { BbsConfig } from '../config.js';
import type { Board } from '../controllers/board.js';
import type { EventHub } from '../controllers/event-hub.js';
import { bbsError } from '../core/decision.js';
import { printError } from '../protocol/errors.js';
import { isBody } from '../protocol/fields.js';
import { HANDLERS } from './calls.js';
import type { Handler } from './calls.js';
import type { BbsMetrics } from '../metrics.js';
import { createEventStreams } from './event-streams.js';
import type { EventStreams } from './event-streams.js';

export interface HttpDoorOptions {
  config: BbsConfig;
  clock: Clock;
  logger: Logger;
  /** undefined when this BBS may not answer any more, reads included */
  board(): Board | undefined;
  hub(): EventHub;
  metrics: Pick<BbsMetrics, 'answered' | 'streams'>;
}

const traceOf = (request: FastifyRequest): string => {
  const id = request.headers['x-vcap-request-id'];
  return typeof id === 'string' ? id : '';
};

const addCall = (app: FastifyInstance, handler: Handler, options: HttpDoorOptions): void => {
  const { board, clock, metrics } = options;
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const current = board();
    if (!current) return reply.code(503).send();
    if (!isBody(request.body)) return printError(bbsError('InvalidRequest'));
    const result = await handler.handle(current, request.body, traceOf(request));
    if (result.ok) return result.value;
    // whoever asked cannot be served now, which is not what an error in a 200 says
    if (result.error.unavailable) reply.code(503);
    return printError(result.error);
  };
  app.post(BBS_ROUTES[handler.route], async (request, reply) => {
    const from = clock.monotonic();
    try {
      return await answer(request, reply);
    } finally {
      metrics.answered(handler.route, clock.monotonic() - from);
    }
  });
};

/** Bodies are JSON whatever their type says; an empty one is an empty request. What is no JSON is refused by the call. */
const addBodies = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text: string, done) => {
    try {
      done(null, text.trim() === '' ? {} : JSON.parse(text));
    } catch {
      done(null, false);
    }
  });
  app.addHook('preHandler', async (request) => {
    if (request.body === undefined) request.body = {};
  });
};

const onError =
  (logger: Logger) =>
  (error: Error & { statusCode?: number }, _request: FastifyRequest, reply: FastifyReply): void => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error('request-failed', { error });
    const type = status >= 500 ? 'UnknownError' : 'InvalidRequest';
    void reply.code(status).send(printError(bbsError(type, status >= 500 ? undefined : error.message)));
  };

const buildApp = (options: HttpDoorOptions, door: Door, streams: EventStreams): FastifyInstance => {
  const app = fastify({
    bodyLimit: options.config.bodyLimitBytes,
    logger: false,
    serverFactory: (listener) => door.server(listener),
  });
  addBodies(app);
  app.setErrorHandler(onError(options.logger));
  for (const handler of HANDLERS) addCall(app, handler, options);
  streams.register(app);
  app.get('/health', async (_request, reply) => reply.code(options.board() ? 200 : 503).send());
  return app;
};

export interface HttpDoor extends Member {
  /** ends every event stream: whoever listens is to ask again, here or elsewhere */
  dismiss(): void;
}

/** The BBS's API behind a door: Diego's paths with JSON bodies. */
export const createHttpDoor = (options: HttpDoorOptions): HttpDoor => {
  const { config, clock, logger } = options;
  const streams = createEventStreams({
    ...options,
    serves: () => options.board() !== undefined,
    metrics: options.metrics.streams,
  });
  let app: FastifyInstance | undefined;
  const door = createDoor({ address: config.listen, what: 'BBS', clock, logger });
  return {
    name: 'bbs-http',
    async start() {
      app = buildApp(options, door, streams);
      await app.ready();
      await door.open();
      logger.info('listening', { url: door.url() });
    },
    dismiss: streams.dismiss,
    renew: door.renew,
    async stop() {
      streams.dismiss();
      await door.close();
      await app?.close();
    },
  };
};
