/** A simulated agent's listener for its executors: POST /api/v1/executor, checked in the order in which Mesos checks. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../../common/ports/logger.js';
import { MEDIA_TYPES, decode, encode } from '../../protocol/codec.js';
import type { Encoding } from '../../protocol/codec.js';
import { encodeRecord } from '../../protocol/record-io.js';
import type { ExecutorCall } from '../../protocol/messages.js';
import { acceptedEncoding } from '../accepted-encoding.js';
import { wrongCall } from './executor-call.js';
import type { Claims, ExecutorDoor, Subscribing } from './executor-door.js';
import type { AgentEndpoint } from './parts.js';
import type { ExecutorStream } from './records.js';

const PATHS: ReadonlySet<string> = new Set(['/api/v1/executor', '/slave(1)/api/v1/executor']);

const REALM = 'Bearer realm="mesos-agent-executor"';

/** bytes; whoever sends more is cut off */
const MAX_BODY = 64 * 1024 * 1024;

const answer = (
  response: ServerResponse,
  status: number,
  { text = '', headers = {} }: { text?: string; headers?: Record<string, string> } = {},
): void => {
  const body = Buffer.from(text);
  const type = body.length > 0 ? { 'content-type': 'text/plain; charset=utf-8' } : {};
  response.writeHead(status, { ...type, 'content-length': body.length, ...headers });
  response.end(body);
};

/** undefined: it is too much */
const readBody = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

const encodingOf = (type: string): Encoding | undefined =>
  type === MEDIA_TYPES.json ? 'json' : type === MEDIA_TYPES.protobuf ? 'protobuf' : undefined;

const claimsOf = (door: ExecutorDoor, { headers }: IncomingMessage): Claims | undefined => {
  const [, token] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
  return token === undefined ? undefined : door.claimsOf(token);
};

const openStream = (response: ServerResponse, encoding: Encoding, subscribing: Subscribing): void => {
  response.writeHead(200, { 'content-type': MEDIA_TYPES[encoding] });
  const stream: ExecutorStream = {
    send(event) {
      if (!response.writableEnded) response.write(encodeRecord(encode('ExecutorEvent', event, encoding)));
    },
    end: () => void response.end(),
  };
  response.on('close', subscribing.subscribe(stream));
};

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly claims: Claims;
}

const answerCall = (door: ExecutorDoor, { request, response, claims }: Asked, call: ExecutorCall): void => {
  const encoding = call.type === 'SUBSCRIBE' ? acceptedEncoding(request.headers.accept) : 'json';
  if (encoding === undefined) {
    const text = `Expecting 'Accept' to allow '${MEDIA_TYPES.protobuf}' or '${MEDIA_TYPES.json}'`;
    return answer(response, 406, { text });
  }
  const result = door.call(call, claims);
  if (result === 'accepted') return answer(response, 202);
  if ('subscribe' in result) return openStream(response, encoding, result);
  return answer(response, result.status, { text: result.text });
};

const answerPost = async (door: ExecutorDoor, asked: Asked): Promise<void> => {
  const { request, response } = asked;
  const type = request.headers['content-type'];
  if (type === undefined) return answer(response, 400, { text: "Expecting 'Content-Type' to be present" });
  const encoding = encodingOf(type);
  if (encoding === undefined) {
    const text = `Expecting 'Content-Type' of ${MEDIA_TYPES.json} or ${MEDIA_TYPES.protobuf}`;
    return answer(response, 415, { text });
  }
  const body = await readBody(request);
  if (body === undefined) return answer(response, 413, { headers: { connection: 'close' } });
  const call = decode('ExecutorCall', body, encoding);
  if (!call.ok) return answer(response, 400, { text: call.error.message });
  const wrong = wrongCall(call.value);
  if (wrong !== undefined)
    return answer(response, 400, { text: `Failed to validate Executor::Call: ${wrong}` });
  return answerCall(door, asked, call.value);
};

const handle = async (
  door: ExecutorDoor,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const claims = claimsOf(door, request);
  if (claims === undefined && !door.isRecovering())
    return answer(response, 401, { headers: { 'www-authenticate': REALM } });
  if (!PATHS.has((request.url ?? '').replace(/\?.*$/, '')))
    return answer(response, 404, { text: '404 Not Found.' });
  if (claims === undefined || door.isRecovering())
    return answer(response, 503, { text: 'Agent has not finished recovery' });
  const { method = '' } = request;
  if (method !== 'POST') {
    const text = `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${method}'.`;
    return answer(response, 405, { text, headers: { allow: 'POST' } });
  }
  return answerPost(door, { request, response, claims });
};

const createListener = (door: ExecutorDoor, logger: Logger): Server => {
  const server = createServer((request, response) => {
    handle(door, request, response).catch((error: unknown) => {
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
