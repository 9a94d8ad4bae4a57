/** Where executors come for what they must not be given through Mesos (design §9). */
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { Server as HttpsServer, createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { addressText } from '../../common/model/address.js';
import { OutcryError } from '../../common/model/errors.js';
import type { ErrorCode, ErrorDetails } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Metrics } from '../../common/ports/metrics.js';
import type { Member } from '../../common/runtime/group.js';
import type { KeyPairFiles, TlsKeyPair } from '../../common/runtime/tls-files.js';
import { openKeyPair } from '../../common/runtime/tls-renewal.js';
import type { Renewable } from '../../common/runtime/tls-renewal.js';
import type { Enrolment, EnrolmentRequest } from '../core/enrolment.js';
import { ENROLMENT_PATH, readEnrolmentRequest } from '../core/enrolment.js';
import type { EnrolmentTokens, TokenVerdict } from './enrolment-tokens.js';

export interface EnrolmentListen {
  readonly host: string;
  /** 0 takes a free one */
  readonly port: number;
  /** undefined: plain HTTP, for networks that nobody else listens on */
  readonly tls: KeyPairFiles | undefined;
}

export interface EnrolmentDoorOptions {
  listen: EnrolmentListen;
  tokens: Pick<EnrolmentTokens, 'judge'>;
  /** what an executor on that agent is handed; undefined: it cannot be told now */
  enrolment(request: EnrolmentRequest): Enrolment | undefined;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
}

/** Bytes of a request: four short texts. */
const BODY_LIMIT = 4 * 1024;
/** ms that requests under way get when it closes */
const GRACE_MS = 1_000;

const TLS_VERSIONS = { minVersion: 'TLSv1.2' } as const;

const REASONS: Readonly<Record<Exclude<TokenVerdict, 'good' | 'unexpected'>, string>> = {
  unknown: 'its token is not its own',
  used: 'its token was used before',
};

interface Answer {
  readonly status: number;
  readonly body: object;
}

const failure = (code: ErrorCode, details: ErrorDetails): Answer & { error: OutcryError } => {
  const error = new OutcryError(code, details);
  const { message, remedy, status } = error;
  return { error, status, body: { code, message, remedy } };
};

export const createEnrolmentCounter = (metrics: Metrics) =>
  metrics.counter('EnrolmentsAnswered', {
    help: 'Executors that came for what a cell needs, by what became of them.',
    labels: ['outcome'],
  });

/** Says why not in a log event with a code; a token is in none of them. */
const createJudge = ({ tokens, enrolment, logger, metrics }: EnrolmentDoorOptions) => {
  const counter = createEnrolmentCounter(metrics);
  const refuse = (outcome: string, answer: ReturnType<typeof failure>, from: object): Answer => {
    counter.increment({ outcome });
    const { code, message, remedy } = answer.error;
    logger.warn('enrolment-refused', { code, message, remedy, ...from });
    return answer;
  };
  return (body: unknown, address: string): Answer => {
    const request = readEnrolmentRequest(body);
    if (request === undefined)
      return refuse('malformed', failure('ENROLMENT_MALFORMED', { address }), { address });
    const { executorId, agentId } = request;
    const from = { executorId, agentId, address };
    const verdict = tokens.judge(request);
    // a bridge that has just become the active one hears of it soon; nobody else gets anything for it either
    if (verdict === 'unexpected')
      return refuse(verdict, failure('ENROLMENT_UNREADY', { executor: executorId }), from);
    if (verdict !== 'good')
      return refuse(
        verdict,
        failure('ENROLMENT_REFUSED', { executor: executorId, reason: REASONS[verdict] }),
        from,
      );
    const handed = enrolment(request);
    if (handed === undefined)
      return refuse('unready', failure('ENROLMENT_UNREADY', { executor: executorId }), from);
    counter.increment({ outcome: 'granted' });
    logger.info('enrolled', from);
    return { status: 200, body: handed };
  };
};

const behind =
  (tls: TlsKeyPair | undefined) =>
  (listener: RequestListener): Server =>
    tls ? createHttpsServer({ ...tls, ...TLS_VERSIONS }, listener) : createHttpServer(listener);

const createApp = (options: EnrolmentDoorOptions, tls: TlsKeyPair | undefined): FastifyInstance => {
  const app = fastify({
    serverFactory: behind(tls),
    logger: false,
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
  });
  const judge = createJudge(options);
  app.setErrorHandler((_error, request, reply) => {
    const { status, body } = judge(undefined, request.ip);
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((_request, reply) => reply.status(404).send({ message: 'nothing is here' }));
  app.post(ENROLMENT_PATH, (request, reply) => {
    const { status, body } = judge(request.body, request.ip);
    return reply.status(status).header('cache-control', 'no-store').send(body);
  });
  return app;
};

/** Its own listener: executors have no certificate yet, and reach nothing else there. */
export const createEnrolmentDoor = (
  options: EnrolmentDoorOptions,
): Member & { address(): { host: string; port: number } } => {
  const { clock, listen, logger } = options;
  let app: FastifyInstance | undefined;
  let tls: Renewable<TlsKeyPair> | undefined;
  let port = 0;
  return {
    name: 'enrolment-door',
    async start() {
      tls = listen.tls && openKeyPair({ files: listen.tls, what: 'enrolment listener', clock, logger });
      app = createApp(options, tls?.current());
      try {
        await app.listen({ host: listen.host, port: listen.port });
      } catch (cause) {
        const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
        throw new OutcryError('ENROLMENT_PORT_IN_USE', { address: addressText(listen), reason }, { cause });
      }
      port = (app.server.address() as AddressInfo).port;
      logger.info('enrolment-listening', { host: listen.host, port, tls: tls !== undefined });
    },
    renew() {
      if (tls?.renew() && app?.server instanceof HttpsServer)
        app.server.setSecureContext({ ...tls.current(), ...TLS_VERSIONS });
    },
    async stop() {
      const cancel = clock.after(GRACE_MS, () => app?.server.closeAllConnections());
      await app?.close();
      cancel();
    },
    address: () => ({ host: listen.host, port }),
  };
};
