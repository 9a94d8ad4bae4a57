import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import {
  createFrameReader,
  frame,
  MessageReader,
} from '../../mesos-bridge/protocol/leader/zookeeper-wire.js';

/** A ZooKeeper that keeps its nodes in memory: as much of it as an election takes. */
export interface TestZooKeeper {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** from now on nothing is answered any more */
  hang(): void;
  /** pings that came */
  pings(): number;
  /** the server goes; what it holds is gone with it */
  close(): Promise<void>;
}

interface Node {
  readonly data: Buffer;
  /** of the session that made it; undefined: it stays */
  readonly owner: Session | undefined;
  /** `user:password` of who may read it; '' = everybody */
  readonly reader: string;
}

interface Session {
  readonly socket: Socket;
  credentials: string;
  readonly watches: Set<string>;
}

const CREATE = 1;
const DELETE = 2;
const EPHEMERAL = 1;
const SEQUENTIAL = 2;
const NO_NODE = -101;
const NO_AUTH = -102;
const BAD = -8;

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([int(bytes.length), bytes]);
const reply = (xid: number, code: number, ...body: readonly Buffer[]): Buffer =>
  frame(int(xid), Buffer.alloc(8), int(code), ...body);

const STAT = Buffer.alloc(68);

class Tree {
  readonly nodes = new Map<string, Node>();
  readonly sessions = new Set<Session>();
  private sequence = 0;

  children(path: string): string[] {
    const prefix = `${path}/`;
    return [...this.nodes.keys()]
      .filter((one) => one.startsWith(prefix) && !one.slice(prefix.length).includes('/'))
      .map((one) => one.slice(prefix.length));
  }

  create(path: string, flags: number, node: Node): string {
    this.sequence += 1;
    const made = flags & SEQUENTIAL ? path + String(this.sequence).padStart(10, '0') : path;
    this.nodes.set(made, node);
    this.touch(made);
    return made;
  }

  remove(path: string): boolean {
    const known = this.nodes.delete(path);
    if (known) this.touch(path);
    return known;
  }

  leave(session: Session): void {
    this.sessions.delete(session);
    for (const [path, { owner }] of this.nodes) if (owner === session) this.remove(path);
  }

  private touch(path: string): void {
    const parent = path.slice(0, path.lastIndexOf('/'));
    for (const { watches, socket } of this.sessions) {
      for (const watched of [path, parent]) {
        if (!watches.delete(watched)) continue;
        socket.write(reply(-1, 0, int(4), int(3), sized(Buffer.from(watched))));
      }
    }
  }
}

const answerNode = (tree: Tree, session: Session, operation: number, raw: Buffer) => {
  const message = new MessageReader(raw);
  message.skip(8);
  const path = message.text();
  const watch = raw.at(-1) === 1;
  const node = tree.nodes.get(path);
  if (watch) session.watches.add(path);
  if (!node) return { code: NO_NODE, body: [] };
  if (node.reader !== '' && node.reader !== session.credentials) return { code: NO_AUTH, body: [] };
  if (operation === 3) return { code: 0, body: [STAT] };
  if (operation === 4) return { code: 0, body: [sized(node.data), STAT] };
  const names = tree.children(path).map((name) => sized(Buffer.from(name)));
  return { code: 0, body: [int(names.length), ...names] };
};

const create = (tree: Tree, session: Session, message: MessageReader) => {
  const [path, data] = [message.text(), Buffer.from(message.bytes())];
  let reader = '';
  for (let count = message.int(); count > 0; count -= 1) {
    message.int();
    if (message.text() === 'auth') reader = session.credentials;
    message.text();
  }
  const flags = message.int();
  const owner = flags & EPHEMERAL ? session : undefined;
  return { code: 0, body: [sized(Buffer.from(tree.create(path, flags, { data, owner, reader })))] };
};

const answerRequest = (tree: Tree, session: Session, raw: Buffer): Buffer | undefined => {
  const message = new MessageReader(raw);
  const [xid, operation] = [message.int(), message.int()];
  if (operation === 11) return reply(xid, 0);
  if (operation === -11) {
    tree.leave(session);
    session.socket.end(reply(xid, 0));
    return undefined;
  }
  if (operation === 100) {
    message.int();
    message.text();
    session.credentials = message.bytes().toString('utf8');
    return reply(xid, 0);
  }
  if (operation === DELETE) return reply(xid, tree.remove(message.text()) ? 0 : NO_NODE);
  if (operation !== CREATE && ![3, 4, 8].includes(operation)) return reply(xid, BAD);
  const { code, body } =
    operation === CREATE ? create(tree, session, message) : answerNode(tree, session, operation, raw);
  return reply(xid, code, ...body);
};

export const startTestZooKeeper = async (): Promise<TestZooKeeper> => {
  const tree = new Tree();
  const sockets = new Set<Socket>();
  let hanging = false;
  let pings = 0;
  const server = createServer((socket) => {
    const session: Session = { socket, credentials: '', watches: new Set() };
    const frames = createFrameReader();
    let connected = false;
    sockets.add(socket);
    tree.sessions.add(session);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      tree.leave(session);
    });
    socket.on('data', (chunk) => {
      for (const message of frames(chunk)) {
        if (message.readInt32BE(4) === 11) pings += 1;
        if (hanging) continue;
        if (connected) {
          const said = answerRequest(tree, session, message);
          if (said) socket.write(said);
        } else
          socket.write(frame(int(0), int(message.readInt32BE(12)), Buffer.alloc(8), sized(Buffer.alloc(16))));
        connected = true;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hang: () => void (hanging = true),
    pings: () => pings,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};
