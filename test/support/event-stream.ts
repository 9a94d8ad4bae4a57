import { createConnection } from 'node:net';
import type { Socket } from 'node:net';

/** One server-sent event as it came, `data` still in base64 or JSON. */
export interface SseEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** A subscriber that sees every byte, in the manner of Diego's own client. */
export interface StreamClient {
  readonly socket: Socket;
  /** status line and headers, without the blank line; '' until they have come */
  head(): string;
  /** everything after the head, chunk framing included */
  body(): string;
  /** of each HTTP chunk, in order */
  chunks(): string[];
  /** frames with data, in a chunk each; others say no event */
  events(): SseEvent[];
  /** the zero chunk has come */
  ended(): boolean;
  /** the server has closed the connection */
  closed(): boolean;
  close(): void;
}

export interface StreamRequest {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** the body goes in chunks, without its length */
  chunked?: boolean;
  /** nothing is read until `socket.resume()` */
  paused?: boolean;
}

const HEAD_END = '\r\n\r\n';

const requestText = (path: string, request: StreamRequest): Buffer => {
  const { method = 'GET', headers = {}, body = '', chunked = false } = request;
  const bytes = Buffer.from(body);
  const length: Record<string, string> = chunked
    ? { 'Transfer-Encoding': 'chunked' }
    : bytes.byteLength > 0 || method === 'POST'
      ? { 'Content-Length': String(bytes.byteLength) }
      : {};
  const lines = Object.entries({ Host: 'bbs', ...length, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const head = [`${method} ${path} HTTP/1.1`, ...lines].join('\r\n') + HEAD_END;
  if (!chunked) return Buffer.concat([Buffer.from(head), bytes]);
  const size = bytes.byteLength.toString(16);
  return Buffer.concat([Buffer.from(`${head}${size}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')]);
};

/** Takes a body apart as it comes: whole chunks, the zero chunk as ''. */
const createChunkReader = (onChunk: (chunk: string) => void) => {
  let rest = '';
  return (text: string): void => {
    rest += text;
    let at = 0;
    for (;;) {
      const lineEnd = rest.indexOf('\r\n', at);
      const end = lineEnd + 2 + parseInt(rest.slice(at, lineEnd), 16);
      if (lineEnd < 0 || rest.length < end + 2) break;
      onChunk(rest.slice(lineEnd + 2, end));
      at = end + 2;
    }
    rest = rest.slice(at);
  };
};

export const parseFrames = (text: string): SseEvent[] =>
  text.split('\n\n').flatMap((frame) => {
    const lines = new Map(
      frame.split('\n').map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]),
    );
    const data = lines.get('data');
    if (data === undefined) return [];
    return [{ id: lines.get('id') ?? '', event: lines.get('event') ?? '', data }];
  });

/** Subscribes over a unix socket. Text is Latin-1: a character per byte. */
export const openStream = (socketPath: string, path: string, request: StreamRequest = {}): StreamClient => {
  const socket = createConnection(socketPath);
  const chunks: string[] = [];
  const events: SseEvent[] = [];
  const read = createChunkReader((chunk) => {
    chunks.push(chunk);
    events.push(...parseFrames(Buffer.from(chunk, 'latin1').toString('utf8')));
  });
  let head = '';
  let body: string[] | undefined;
  let closed = false;
  const onText = (text: string): void => {
    body?.push(text);
    if (body) return read(text);
    head += text;
    const end = head.indexOf(HEAD_END);
    if (end < 0) return;
    body = [];
    const rest = head.slice(end + HEAD_END.length);
    head = head.slice(0, end);
    onText(rest);
  };
  socket.on('data', (part: Buffer) => onText(part.toString('latin1')));
  if (request.paused === true) socket.pause();
  socket.on('close', () => (closed = true));
  socket.on('error', () => undefined);
  socket.write(requestText(path, request));
  return {
    socket,
    head: () => (body ? head : ''),
    body: () => body?.join('') ?? '',
    chunks: () => chunks,
    events: () => events,
    ended: () => chunks.includes(''),
    closed: () => closed,
    close: () => void socket.destroy(),
  };
};
