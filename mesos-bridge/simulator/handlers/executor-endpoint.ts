/** A simulated agent's listener for its executors: POST /api/v1/executor, checked in the order in which Mesos checks. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../../common/ports/logger.js';
import { wrongCall } from '../agent/executor-call.js';
import type { Claims, ExecutorDoor, Subscribing } from '../agent/executor-door.js';
import type { AgentEndpoint } from '../agent/parts.js';
import type { ExecutorStream } from '../agent/records.js';
import { MEDIA_TYPES, encode } from '../../protocol/codec.js';
import type { Encoding } from '../../protocol/codec.js';
import type { ExecutorCall } from '../../protocol/messages.js';
import { encodeRecord } from '../../protocol/record-io.js';
import { answer, answerNotFound, openStream } from './answer.js';
import { UNACCEPTABLE, receiveCall } from './call.js';
import { acceptedEncoding } from './request.js';

const PATHS: ReadonlySet<string> = new Set(['/api/v1/executor', '/slave(1)/api/v1/executor']);

const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="mesos-agent-executor"' };

const claimsOf = (door: ExecutorDoor, { headers }: IncomingMessage): Claims | undefined => {
  const [, token] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
  return token === undefined ? undefined : door.claimsOf(token);
};

const stream = (response: ServerResponse, encoding: Encoding, subscribing: Subscribing): void => {
  openStream(response, { 'Content-Type': MEDIA_TYPES[encoding] });
  const sink: ExecutorStream = {
    send(event) {
      if (!response.writableEnded) response.write(encodeRecord(encode('ExecutorEvent', event, encoding)));
    },
    end: () => void response.end(),
  };
  response.on('close', subscribing.subscribe(sink));
};

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const answerCall = (
  door: ExecutorDoor,
  { request, response }: Exchange,
  { call, claims }: { call: ExecutorCall; claims: Claims },
): void => {
  const encoding = call.type === 'SUBSCRIBE' ? acceptedEncoding(request.headers.accept) : 'json';
  if (encoding === undefined) return answer(response, 406, UNACCEPTABLE);
  const result = door.call(call, claims);
  if (result === 'accepted') return answer(response, 202);
  if ('subscribe' in result) return stream(response, encoding, result);
  return answer(response, result.status, result.text);
};

const serve = async (door: ExecutorDoor, exchange: Exchange): Promise<void> => {
  const { request, response } = exchange;
  // an agent that does not know its containers cannot know their tokens either
  if (door.isRecovering()) return answer(response, 503, 'Agent has not finished recovery');
  const claims = claimsOf(door, request);
  if (claims === undefined) return answer(response, 401, '401 Unauthorized.', CHALLENGE);
  if (!PATHS.has((request.url ?? '').replace(/\?.*$/, ''))) return answerNotFound(response);
  const received = await receiveCall('ExecutorCall', request, response);
  if (received === undefined) return;
  const { call } = received;
  const wrong = wrongCall(call);
  if (wrong !== undefined) answer(response, 400, `Failed to validate Executor::Call: ${wrong}`);
  else answerCall(door, exchange, { call, claims });
};

const createListener = (door: ExecutorDoor, logger: Logger): Server => {
  const server = createServer((request, response) => {
    serve(door, { request, response }).catch((error: unknown) => {
      logger.warn('executor-request-failed', { error });
      response.destroy();
    });
  });
  // executors' streams are silent for half an hour
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  return server;
};

const listen = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });

export interface EndpointOptions {
  readonly ip: string;
  /** 0: one that is free, when the first executor needs it */
  readonly port: number;
  readonly logger: Logger;
}

/** Listens only while executors need it: an agent without any costs no socket. */
export const createExecutorEndpoint = (door: ExecutorDoor, options: EndpointOptions): AgentEndpoint => {
  const { ip, logger } = options;
  let { port } = options;
  let server: Server | undefined;
  let opening: Promise<number> | undefined;
  let closed: Promise<void> = Promise.resolve();

  const open = async (): Promise<number> => {
    await closed;
    const own = createListener(door, logger);
    server = own;
    port = await listen(own, ip, port);
    return port;
  };

  const shut = (): Promise<void> => {
    const old = server;
    [server, opening] = [undefined, undefined];
    if (old === undefined) return closed;
    closed = new Promise((resolve) => void old.close(() => resolve()));
    old.closeAllConnections();
    return closed;
  };

  return {
    open: () => (opening ??= open()),
    crash: () => void shut(),
    close: shut,
  };
};
