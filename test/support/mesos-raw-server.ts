import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { encode, MEDIA_TYPES } from '../../mesos-bridge/protocol/codec.js';
import type { Encoding } from '../../mesos-bridge/protocol/codec.js';
import type { Draft, MesosMessages, MesosName } from '../../mesos-bridge/protocol/messages.js';
import { encodeRecord } from '../../mesos-bridge/protocol/record-io.js';

export interface RawRequest {
  readonly line: string;
  /** names in lower case */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** number of the connection it came over, from 1 */
  readonly connection: number;
  readonly socket: Socket;
}

export interface RawServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly requests: readonly RawRequest[];
  /** connections that are open */
  open(): number;
  close(): Promise<void>;
}

const headEnd = Buffer.from('\r\n\r\n');

/** Takes one request with a Content-Length off the front of what came. */
const takeRequest = (bytes: Buffer) => {
  const at = bytes.indexOf(headEnd);
  if (at < 0) return undefined;
  const [line = '', ...lines] = bytes.subarray(0, at).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((one) => {
      const colon = one.indexOf(':');
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
    }),
  );
  const end = at + headEnd.length + Number(headers['content-length'] ?? 0);
  if (bytes.length < end) return undefined;
  return { line, headers, body: bytes.subarray(at + headEnd.length, end), rest: bytes.subarray(end) };
};

const listening = (server: Server): Promise<AddressInfo> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo)));

/** A server that says exactly what a test writes to its sockets, whole or not. */
export const startRawServer = async (
  onRequest: (request: RawRequest) => void,
  tls?: TlsOptions,
): Promise<RawServer> => {
  const requests: RawRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;

  const onSocket = (socket: Socket): void => {
    connections += 1;
    const connection = connections;
    let bytes = Buffer.alloc(0);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let taken = takeRequest(bytes); taken; taken = takeRequest(bytes)) {
        bytes = Buffer.from(taken.rest);
        const request = { ...taken, connection, socket };
        requests.push(request);
        onRequest(request);
      }
    });
  };
  const server = tls ? createTlsServer(tls, onSocket) : createServer(onSocket);
  const { port } = await listening(server);
  return {
    address: `127.0.0.1:${port}`,
    requests,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

/** A whole answer. */
export const answer = (
  { socket }: RawRequest,
  status: string,
  { text = '', headers = {} }: { text?: string; headers?: Record<string, string> } = {},
): void => {
  const given = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `HTTP/1.1 ${status}\r\n${given.join('')}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
};

export const beginStream = (
  { socket }: RawRequest,
  { encoding = 'json' as Encoding, streamId = 'stream-1' } = {},
): void => {
  const id = streamId === '' ? '' : `Mesos-Stream-Id: ${streamId}\r\n`;
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: ${MEDIA_TYPES[encoding]}\r\n${id}Transfer-Encoding: chunked\r\n\r\n`,
  );
};

export const chunk = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

export const ZERO_CHUNK = '0\r\n\r\n';

export const recordOf = <N extends MesosName>(
  name: N,
  message: Draft<MesosMessages[N]>,
  encoding: Encoding = 'json',
): Uint8Array => encodeRecord(encode(name, message, encoding));

/** The first event of a scheduler's stream. */
export const subscribedEvent = (frameworkId = 'fw-1', heartbeatIntervalSeconds = 15) =>
  ({
    type: 'SUBSCRIBED',
    subscribed: { frameworkId: { value: frameworkId }, heartbeatIntervalSeconds },
  }) as const;
