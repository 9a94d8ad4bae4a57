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
const LINE_END = Buffer.from('\r\n');

/** A body as it comes: takes what has come of it, and says whether that was all. */
interface Body {
  take(bytes: Buffer): boolean;
  /** so far */
  bytes(): number;
}

const bodyOfLength = (length: number): Body => {
  let missing = length;
  return {
    take: (bytes) => (missing -= bytes.length) === 0,
    bytes: () => length - missing,
  };
};

/** Chunk by chunk, as long answers come. */
const bodyInChunks = (): Body => {
  let [total, missing, isLast] = [0, 0, false];
  let line = Buffer.alloc(0);
  return {
    take(bytes) {
      let at = 0;
      while (at < bytes.length) {
        if (missing > 0) {
          const taken = Math.min(missing, bytes.length - at);
          missing -= taken;
          at += taken;
          if (missing === 0 && isLast) return true;
          continue;
        }
        const end = bytes.indexOf(LINE_END, at);
        // an end that was cut in two is found with what follows
        const rest = bytes.subarray(at, end === -1 ? undefined : end + LINE_END.length);
        line = Buffer.concat([line, rest]);
        at += rest.length;
        if (line.length < 3 || !line.subarray(-LINE_END.length).equals(LINE_END)) continue;
        const size = parseInt(line.toString('latin1'), 16);
        line = Buffer.alloc(0);
        isLast = size === 0;
        total += size;
        missing = size + LINE_END.length;
      }
      return false;
    },
    bytes: () => total,
  };
};

const bodyAfter = (head: string): Body => {
  const [, length] = /content-length: (\d+)/i.exec(head) ?? [];
  if (length !== undefined) return bodyOfLength(Number(length));
  if (/transfer-encoding: chunked/i.test(head)) return bodyInChunks();
  throw new Error(`an answer without a length:\n${head}`);
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
  let body = bodyOfLength(0);

  const take = (bytes: Buffer): void => {
    if (!answer || !body.take(bytes)) return;
    const [done, was] = [{ ...answer, bytes: body.bytes() }, waiting];
    answer = waiting = undefined;
    was?.resolve(done);
  };

  const begin = (bytes: Buffer): void => {
    head = head ? Buffer.concat([head, bytes]) : bytes;
    const end = head.indexOf(HEAD_END);
    if (end === -1) return;
    const text = head.toString('latin1', 0, end);
    const begun = head.subarray(end + HEAD_END.length);
    answer = { status: Number(text.slice(9, 12)), bytes: 0, body: begun };
    body = bodyAfter(text);
    head = undefined;
    take(begun);
  };

  const fail = (error: Error): void => {
    waiting?.reject(error);
    waiting = undefined;
  };

  socket.on('data', (bytes) => {
    if (answer) take(bytes);
    else begin(bytes);
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
