/** The load on a router, a process of its own: bench/router.ts forks it and orders one job at a time. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export type LoadOrder =
  | { job: 'requests'; port: number; connections: number; count: number; hosts: number }
  | { job: 'sockets'; port: number; count: number }
  | { job: 'download' | 'upload'; port: number; bytes: number };

export interface LoadResult {
  requests: number;
  failed: number;
  /** ms */
  p50: number;
  p99: number;
  took: number;
}

const EMPTY: LoadResult = { requests: 0, failed: 0, p50: 0, p99: 0, took: 0 };

const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  return socket;
};

const requestOf = (host: number): Buffer =>
  Buffer.from(
    `GET /path?query=1 HTTP/1.1\r\nHost: app-${host}.bench.test\r\nUser-Agent: bench\r\nAccept: */*\r\n` +
      'Accept-Encoding: gzip\r\nCookie: session=0123456789abcdef\r\n\r\n',
  );

/** One request after the other on one connection; answers come in one packet, being small. */
const lane = async (
  port: number,
  requests: readonly Buffer[],
  count: number,
  times: number[],
): Promise<number> => {
  const socket = await open(port);
  let failed = 0;
  await new Promise<void>((resolve) => {
    let sent = 0;
    let nth = Math.floor(Math.random() * requests.length);
    const next = (): void => {
      if (times.length >= count) return resolve();
      sent = performance.now();
      socket.write(requests[(nth = (nth + 1) % requests.length)] ?? '');
    };
    socket.on('data', (chunk: Buffer) => {
      times.push(performance.now() - sent);
      if (chunk.toString('latin1', 9, 12) !== '200') failed += 1;
      next();
    });
    socket.on('close', () => resolve());
    next();
  });
  socket.destroy();
  return failed;
};

const requests = async (order: Extract<LoadOrder, { job: 'requests' }>): Promise<LoadResult> => {
  const began = performance.now();
  const times: number[] = [];
  const all = Array.from({ length: order.hosts }, (_, nth) => requestOf(nth));
  const failed = await Promise.all(
    Array.from({ length: order.connections }, () => lane(order.port, all, order.count, times)),
  );
  const took = performance.now() - began;
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.floor((times.length - 1) * part)] ?? 0;
  const sum = failed.reduce((total, one) => total + one, 0);
  return { requests: times.length, failed: sum, p50: at(0.5), p99: at(0.99), took };
};

const held: Socket[] = [];

const sockets = async ({ port, count }: { port: number; count: number }): Promise<LoadResult> => {
  const upgrade =
    'GET /socket HTTP/1.1\r\nHost: app-0.bench.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
  let failed = 0;
  for (let nth = 0; nth < count; nth += 1) {
    const socket = await open(port);
    socket.write(upgrade);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer.toString('latin1', 9, 12) !== '101') failed += 1;
    held.push(socket);
  }
  return { ...EMPTY, requests: count, failed };
};

const download = async (port: number, bytes: number): Promise<LoadResult> => {
  const socket = await open(port);
  const began = performance.now();
  socket.write(`GET /download/${bytes} HTTP/1.1\r\nHost: app-0.bench.test\r\n\r\n`);
  let got = 0;
  for await (const chunk of socket) {
    got += (chunk as Buffer).length;
    if (got >= bytes) break;
  }
  return { ...EMPTY, requests: 1, failed: got >= bytes ? 0 : 1, took: performance.now() - began };
};

const BLOCK = Buffer.alloc(256 * 1024, 120);

const upload = async (port: number, bytes: number): Promise<LoadResult> => {
  const socket = await open(port);
  const began = performance.now();
  socket.write(
    `POST /upload/${bytes} HTTP/1.1\r\nHost: app-0.bench.test\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
  for (let left = bytes; left > 0; left -= BLOCK.length) {
    const piece = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  const failed = answer.toString('latin1', 9, 12) === '200' ? 0 : 1;
  return { ...EMPTY, requests: 1, failed, took: performance.now() - began };
};

const run = (order: LoadOrder): Promise<LoadResult> => {
  if (order.job === 'requests') return requests(order);
  if (order.job === 'sockets') return sockets(order);
  return order.job === 'download' ? download(order.port, order.bytes) : upload(order.port, order.bytes);
};

process.on('message', (order: LoadOrder) => void run(order).then((result) => process.send?.(result)));
process.on('disconnect', () => process.exit());
