/** Subscribers that count what they hear, and look at no more of it than that. */
import type { Socket } from 'node:net';
import type { Endpoint } from '../common/runtime/endpoint.js';
import { openSocket, requestOf } from './http-lanes.js';

export interface Heard {
  /** frames with the next number each; one that comes out of turn ends the count */
  events: number;
  bytes: number;
}

/** Every frame of Diego's streams begins so, and base64 cannot hold it. */
const FRAME = Buffer.from('id: ');
const DATA = Buffer.from('\ndata: ');

const count = (socket: Socket): Heard => {
  const heard: Heard = { events: 0, bytes: 0 };
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    heard.bytes += chunk.length;
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = bytes.indexOf(FRAME);
    let done = 0;
    while (at !== -1) {
      const data = bytes.indexOf(DATA, at);
      if (data === -1) break;
      if (parseInt(bytes.toString('latin1', at + FRAME.length, at + FRAME.length + 12), 10) !== heard.events)
        throw new Error(`event ${heard.events} of a stream is missing`);
      heard.events += 1;
      done = data + DATA.length;
      at = bytes.indexOf(FRAME, done);
    }
    // at most the beginning of a frame is kept
    rest = Buffer.from(bytes.subarray(at === -1 ? Math.max(done, bytes.length - FRAME.length) : at));
  });
  return heard;
};

export interface Streams {
  /** once all have heard so many, or `patienceMs` have passed */
  heard(events: number, patienceMs: number): Promise<readonly Heard[]>;
  close(): void;
}

const HEAD_END = '\r\n\r\n';

const openStream = async (endpoint: Endpoint, path: string): Promise<{ socket: Socket; heard: Heard }> => {
  const socket = await openSocket(endpoint);
  socket.write(requestOf(path, Buffer.alloc(0)));
  const head = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  const text = head.toString('latin1');
  if (!text.startsWith('HTTP/1.1 200') || !text.endsWith(HEAD_END)) throw new Error(`no stream:\n${text}`);
  return { socket, heard: count(socket) };
};

export const openStreams = async (
  endpoint: Endpoint,
  path: string,
  subscribers: number,
): Promise<Streams> => {
  const streams = await Promise.all(Array.from({ length: subscribers }, () => openStream(endpoint, path)));
  const all = streams.map(({ heard }) => heard);
  return {
    async heard(events, patienceMs) {
      const deadline = performance.now() + patienceMs;
      while (all.some((one) => one.events < events) && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 5));
      return all;
    },
    close: () => streams.forEach(({ socket }) => socket.destroy()),
  };
};
