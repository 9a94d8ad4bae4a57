/**
 * The few messages of ZooKeeper's client protocol that reading an election takes: everything big-endian, texts and bytes
 * with their length before them, each message in a frame with its length.
 */

/** Operations of requests. */
export const OPERATION = { exists: 3, getData: 4, getChildren: 8, ping: 11, auth: 100, close: -11 } as const;

/** Numbers of answers that belong to no request in turn. */
export const XID = { watch: -1, ping: -2, auth: -4 } as const;

export const ZK_OK = 0;
export const ZK_NO_NODE = -101;

/** Words for what a server answers. */
export const zookeeperError = (code: number): string => {
  const known: Record<number, string> = {
    [-4]: 'the connection was lost',
    [-102]: 'not authorised to read the node',
    [-112]: 'the session has expired',
    [-115]: 'the credentials were refused',
    [ZK_NO_NODE]: 'there is no such node',
  };
  return known[code] ?? `error ${code}`;
};

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const bytesWithLength = (bytes: Uint8Array): Buffer => Buffer.concat([int(bytes.length), bytes]);
const text = (value: string): Buffer => bytesWithLength(Buffer.from(value));
const flag = (value: boolean): Buffer => Buffer.from([value ? 1 : 0]);

export const frame = (...parts: readonly Uint8Array[]): Buffer => bytesWithLength(Buffer.concat(parts));

/** Asks for a new session. `timeoutMs`: how long the server keeps it without a sign. */
export const connectRequest = (timeoutMs: number): Buffer =>
  // version, last transaction seen, time-out, no session yet, its password, read only
  frame(
    int(0),
    Buffer.alloc(8),
    int(timeoutMs),
    Buffer.alloc(8),
    bytesWithLength(Buffer.alloc(16)),
    flag(false),
  );

export const pingRequest = (): Buffer => frame(int(XID.ping), int(OPERATION.ping));

export const closeRequest = (xid: number): Buffer => frame(int(xid), int(OPERATION.close));

export const authRequest = (credentials: string): Buffer =>
  frame(
    int(XID.auth),
    int(OPERATION.auth),
    int(0),
    text('digest'),
    bytesWithLength(Buffer.from(credentials)),
  );

/** One of the requests about a node. */
export const nodeRequest = (
  xid: number,
  operation: 'exists' | 'getData' | 'getChildren',
  { path, watch }: { path: string; watch: boolean },
): Buffer => frame(int(xid), int(OPERATION[operation]), text(path), flag(watch));

/** Reads a message from its front; throws a RangeError when it ends too soon. */
export class MessageReader {
  private at = 0;

  constructor(private readonly message: Buffer) {}

  int(): number {
    this.at += 4;
    return this.message.readInt32BE(this.at - 4);
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.message.length) throw new RangeError('the message ends too soon');
  }

  bytes(): Buffer {
    const length = Math.max(0, this.int());
    this.skip(length);
    return this.message.subarray(this.at - length, this.at);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  texts(): string[] {
    const count = this.int();
    const read: string[] = [];
    for (let at = 0; at < count; at += 1) read.push(this.text());
    return read;
  }
}

/** A server says nothing longer about an election. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** Takes frames out of what comes, however it is cut. Throws a RangeError on a frame of no reasonable length. */
export const createFrameReader = () => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk: Buffer): Buffer[] => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Buffer[] = [];
    while (rest.length >= 4) {
      const length = rest.readInt32BE(0);
      if (length < 0 || length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes`);
      if (rest.length < 4 + length) break;
      frames.push(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    return frames;
  };
};
