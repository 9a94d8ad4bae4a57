import type { TLSSocket } from 'node:tls';

/** Frames of HTTP/2 made by hand, for what no client library would send. */

const FRAME = { data: 0, headers: 1, rst: 3, settings: 4, goaway: 7 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;

const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** A length with a prefix of seven bits. */
const hpackString = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length: number[] = [127];
  let rest = bytes.length - 127;
  for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
};

export type HeaderPairs = readonly (readonly [string, string])[];

/** One request: its headers word for word, and its body in one frame. */
export const rawHttp2Request = (headers: HeaderPairs, body?: string): Buffer => {
  const block = headers.flatMap(([name, value]) => [Buffer.from([0]), hpackString(name), hpackString(value)]);
  const end = body === undefined ? END_STREAM : 0;
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(FRAME.settings, 0, 0, Buffer.alloc(0)),
    frame(FRAME.headers, END_HEADERS | end, 1, Buffer.concat(block)),
    ...(body === undefined ? [] : [frame(FRAME.data, END_STREAM, 1, Buffer.from(body, 'latin1'))]),
  ]);
};

export interface RawHttp2Outcome {
  /** bodies of the frames with data, joined */
  readonly data: string;
  readonly answered: boolean;
  /** the stream was reset, or the connection given up */
  readonly refused: boolean;
}

/** Reads what comes back until the stream is over one way or the other. */
export const readRawHttp2 = (socket: TLSSocket): Promise<RawHttp2Outcome> =>
  new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const outcome = { data: '', answered: false, refused: false };
    const done = (): void => resolve(outcome);
    socket.on('data', (chunk: Buffer | string) => {
      bytes = Buffer.concat([bytes, typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk]);
      while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3);
        const [type, flags] = [bytes.readUInt8(3), bytes.readUInt8(4)];
        if (type === FRAME.data) outcome.data += bytes.subarray(9, 9 + length).toString();
        if (type === FRAME.headers) outcome.answered = true;
        outcome.refused ||= type === FRAME.rst || type === FRAME.goaway;
        bytes = bytes.subarray(9 + length);
        const over = (type === FRAME.data || type === FRAME.headers) && (flags & END_STREAM) !== 0;
        if (over || outcome.refused) done();
      }
    });
    socket.on('close', () => {
      outcome.refused ||= !outcome.answered;
      done();
    });
  });
