/**
 * A client that costs as little as it can: requests are whole buffers, made beforehand, and of an answer no more is
 * looked at than its status line and its length.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import type { Endpoint } from '../common/runtime/endpoint.js';

export interface Answer {
  status: number;
  /** bytes of the body */
  bytes: number;
  /** the body itself, as far as it came with the head: empty answers of the board are all that is read of it */
  body: Buffer;
}

export const openSocket = async (endpoint: Endpoint): Promise<Socket> => {
  if ('socketPath' in endpoint) {
    const socket = connect(endpoint.socketPath);
    await once(socket, 'connect');
    return socket;
  }
  const { hostname, port } = new URL(endpoint.url);
  const { tls } = endpoint;
  if (!tls) throw new Error('TCP without TLS leads to no door');
  const socket = connectTls({
    host: hostname,
    port: Number(port),
    cert: readFileSync(tls.certFile),
    key: readFileSync(tls.keyFile),
    ca: readFileSync(tls.caFile),
  });
  await once(socket, 'secureConnect');
  return socket;
};

let traces = 0;

/** Every request has a trace of its own, as it has where many people ask. */
export const nextTrace = (): string => `7f461654-74d1-1ee5-8367-${String((traces += 1)).padStart(12, '0')}`;

/** As Diego's clients ask: its Go library's headers, and a body in protobuf. */
export const requestOf = (path: string, body: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: bbs.service.cf.internal:8889\r\nUser-Agent: Go-http-client/1.1\r\n` +
        `Content-Length: ${body.byteLength}\r\nContent-Type: application/x-protobuf\r\n` +
        `X-Vcap-Request-Id: ${nextTrace()}\r\nAccept-Encoding: gzip\r\n\r\n`,
    ),
    body,
  ]);

const HEAD_END = Buffer.from('\r\n\r\n');

const lengthIn = (head: string): number => {
  const found = /content-length: (\d+)/i.exec(head);
  if (!found) throw new Error(`an answer without a length:\n${head}`);
  return Number(found[1]);
};

export interface Lane {
  /** one request at a time */
  ask(request: Buffer): Promise<Answer>;
  close(): void;
}

interface Awaited {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** One connection that is kept alive. */
export const openLane = async (endpoint: Endpoint): Promise<Lane> => {
  const socket = await openSocket(endpoint);
  let waiting: Awaited | undefined;
  let head: Buffer | undefined;
  let answer: Answer | undefined;
  let missing = 0;

  const settle = (): void => {
    const [done, was] = [answer, waiting];
    answer = waiting = undefined;
    if (done) was?.resolve(done);
  };

  const begin = (bytes: Buffer): void => {
    head = head ? Buffer.concat([head, bytes]) : bytes;
    const end = head.indexOf(HEAD_END);
    if (end === -1) return;
    const text = head.toString('latin1', 0, end);
    const body = head.subarray(end + HEAD_END.length);
    const length = lengthIn(text);
    answer = { status: Number(text.slice(9, 12)), bytes: length, body };
    missing = length - body.length;
    head = undefined;
    if (missing === 0) settle();
  };

  const fail = (error: Error): void => {
    waiting?.reject(error);
    waiting = undefined;
  };

  socket.on('data', (bytes) => {
    if (!answer) return begin(bytes);
    missing -= bytes.length;
    if (missing === 0) settle();
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the BBS has closed the connection')));
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => void socket.destroy(),
  };
};
