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
import { formOf, JSON_FORM } from '../protocol/forms.js';
import type { Answered, Asked, Handler, Parts } from './answer.js';
import { HANDLERS } from './calls.js';
import { createGate, tooLarge } from './limits.js';
import type { Gate } from './limits.js';
import { openApi } from './openapi.js';
import { sendParts } from './parts.js';
import type { BbsMetrics } from '../metrics.js';
import { addDump } from './dump.js';
import type { DumpOptions } from './dump.js';
import { createEventStreams } from './event-streams.js';
import type { EventStreams } from './event-streams.js';

export interface HttpDoorOptions {
  config: BbsConfig;
  clock: Clock;
  logger: Logger;
  /** undefined when this BBS may not answer any more, reads included */
  board(): Board | undefined;
  hub(): EventHub;
  /** undefined when this BBS may not answer any more */
  store: DumpOptions['store'];
  metrics: Pick<BbsMetrics, 'answered' | 'refused' | 'streams'>;
}

const traceOf = (request: FastifyRequest): string => {
  const id = request.headers['x-vcap-request-id'];
  return typeof id === 'string' ? id : '';
};

/** ms in which a request must have arrived whole: until then it is one of those in hand */
const ARRIVAL_MS = 60_000;

const NOTHING = Buffer.alloc(0);

const askedIn = (request: FastifyRequest): Asked => ({
  body: (request.body as Buffer | undefined) ?? NOTHING,
  contentType: request.headers['content-type'],
  traceId: traceOf(request),
  inParts: true,
});

const send = (reply: FastifyReply, { status, contentType, body }: Answered<Uint8Array>): FastifyReply =>
  // most answers say that nothing went wrong, which is no body at all: without one, the head is all that is written
  reply
    .code(status)
    .header('content-type', contentType)
    .send(body.length === 0 ? undefined : body);

type Sending = Pick<HttpDoorOptions, 'clock' | 'logger'>;

const sendLong = async (
  reply: FastifyReply,
  { status, contentType, body }: Answered<Parts>,
  { clock, logger }: Sending,
): Promise<void> => {
  reply.hijack();
  reply.raw.writeHead(status, { 'content-type': contentType });
  await sendParts(reply.raw, body, clock).catch((error: unknown) =>
    logger.error('request-failed', { error }),
  );
};

const isWhole = (answered: Answered): answered is Answered<Uint8Array> => answered.body instanceof Uint8Array;

const addCall = (app: FastifyInstance, handler: Handler, options: HttpDoorOptions & { gate: Gate }): void => {
  const { board, clock, metrics, gate } = options;
  const { route } = handler.call;
  app.post(BBS_ROUTES[route], { onRequest: gate(route) }, async (request, reply) => {
    const from = clock.monotonic();
    try {
      const current = board();
      if (!current) return reply.code(503).send();
      const answered = await handler.handle(current, askedIn(request));
      if (isWhole(answered)) return send(reply, answered);
      return await sendLong(reply, answered as Answered<Parts>, options);
    } finally {
      metrics.answered(route, clock.monotonic() - from);
    }
  });
};

/** Bodies are read by the calls, whatever their type says, types that are none included. */
const addBodies = (app: FastifyInstance): void => {
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request.raw;
    headers['content-type'] = formOf(headers['content-type']).contentType;
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body: Buffer, done) => done(null, body));
};

const handlerOf = new Map<string, Handler>(
  HANDLERS.map((handler) => [BBS_ROUTES[handler.call.route], handler]),
);

/** What went wrong before a call was looked at, or while it was carried out, in the form that the client speaks. */
const onError =
  ({ config, logger }: HttpDoorOptions) =>
  (error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply): void => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error('request-failed', { error });
    const told =
      status >= 500
        ? bbsError('UnknownError')
        : bbsError('InvalidRequest', status === 413 ? tooLarge(config.bodyLimitBytes) : error.message);
    const handler = handlerOf.get(request.routeOptions.url ?? '');
    if (!handler) return void reply.code(status).type('text/plain').send(`${told.message}\n`);
    send(reply, { ...handler.refuse(told, request.headers['content-type']), status });
  };

/** Paths and methods that nobody knows are told as Diego tells them, so that its clients look for older ones. */
const addUnknown = (app: FastifyInstance): void => {
  const methods = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    methods.set(url, [...(methods.get(url) ?? []), ...[method].flat()]);
  });
  app.setNotFoundHandler((request, reply) => {
    const known = methods.get(request.url.replace(/[?#].*$/s, ''));
    if (known) reply.code(405).header('allow', known.join(', '));
    else reply.code(404);
    return reply
      .header('content-type', 'text/plain; charset=utf-8')
      .header('x-content-type-options', 'nosniff')
      .send(known ? 'Method Not Allowed\n' : '404 page not found\n');
  });
};

const buildApp = (options: HttpDoorOptions, door: Door, streams: EventStreams): FastifyInstance => {
  const { config, metrics } = options;
  const app = fastify({
    bodyLimit: config.bodyLimitBytes,
    logger: false,
    serverFactory(listener) {
      const server = door.server(listener);
      server.requestTimeout = ARRIVAL_MS;
      return server;
    },
  });
  addBodies(app);
  addUnknown(app);
  app.setErrorHandler(onError(options));
  const gate = createGate(config.requestLimit, metrics.refused);
  for (const handler of HANDLERS) addCall(app, handler, { ...options, gate });
  streams.register(app);
  addDump(app, options);
  const description = JSON.stringify(openApi());
  app.get('/openapi.json', (_request, reply) => reply.type(JSON_FORM.contentType).send(description));
  app.get('/health', async (_request, reply) => reply.code(options.board() ? 200 : 503).send());
  return app;
};

export interface HttpDoor extends Member {
  /** ends every event stream: whoever listens is to ask again, here or elsewhere */
  dismiss(): void;
}

/** The BBS's API behind a door: Diego's paths, and bodies in protobuf or JSON. */
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
