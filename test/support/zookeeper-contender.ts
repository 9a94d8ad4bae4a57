import { connect } from 'node:net';
import {
  authRequest,
  closeRequest,
  connectRequest,
  createFrameReader,
  frame,
  MessageReader,
} from '../../mesos-bridge/protocol/leader/zookeeper-wire.js';

/** Stands for election as a master does: makes nodes at a ZooKeeper, real or not. */
export interface Contender {
  /** path of what was made */
  create(
    path: string,
    data: Uint8Array,
    options?: { kind?: 'sequence' | 'plain'; secret?: boolean },
  ): Promise<string>;
  remove(path: string): Promise<void>;
  /** its session ends, and with it its nodes of the kind `sequence` */
  close(): Promise<void>;
}

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([int(bytes.length), bytes]);
const text = (value: string): Buffer => sized(Buffer.from(value));

const ALL = 31;
const acl = (scheme: string, id: string): Buffer => Buffer.concat([int(1), int(ALL), text(scheme), text(id)]);

export const startContender = async (address: string, credentials = ''): Promise<Contender> => {
  const [host = '', port = ''] = address.split(':');
  const socket = connect({ host, port: Number(port) });
  const frames = createFrameReader();
  const waiting = new Map<number, (message: MessageReader) => void>();
  let connected: (() => void) | undefined;
  let xid = 0;
  const ready = new Promise<void>((resolve, reject) => {
    connected = resolve;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('ZooKeeper closed the connection')));
  });
  socket.on('data', (chunk) => {
    for (const message of frames(chunk)) {
      if (connected) {
        connected();
        connected = undefined;
        continue;
      }
      const reader = new MessageReader(message);
      waiting.get(reader.int())?.(reader);
    }
  });
  socket.write(connectRequest(4_000));
  await ready;
  if (credentials !== '') socket.write(authRequest(credentials));

  const ask = (request: (id: number) => Buffer): Promise<MessageReader> =>
    new Promise((resolve, reject) => {
      xid += 1;
      waiting.set(xid, (reader) => {
        reader.skip(8);
        const code = reader.int();
        if (code === 0) resolve(reader);
        else reject(new Error(`ZooKeeper: ${code}`));
      });
      socket.write(request(xid));
    });

  return {
    async create(path, data, { kind = 'sequence', secret = false } = {}) {
      const who = secret ? acl('auth', '') : acl('world', 'anyone');
      const flags = int(kind === 'sequence' ? 3 : 0);
      const made = await ask((id) => frame(int(id), int(1), text(path), sized(data), who, flags));
      return made.text();
    },
    remove: async (path) => void (await ask((id) => frame(int(id), int(2), text(path), int(-1)))),
    close: () =>
      new Promise((resolve) => {
        socket.on('close', () => resolve());
        socket.end(closeRequest(xid + 1));
      }),
  };
};
