import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import {
  authRequest,
  closeRequest,
  connectRequest,
  createFrameReader,
  MessageReader,
  nodeRequest,
  pingRequest,
  XID,
  ZK_OK,
  zookeeperError,
} from './zookeeper-wire.js';

/** What a server said of a node. */
export interface NodeAnswer {
  /** 0 = well; otherwise one of ZooKeeper's errors */
  readonly code: number;
  readonly body: MessageReader;
}

export interface ZooKeeperSessionOptions {
  /** `host:port` */
  server: string;
  /** `user:password`; '' = none */
  credentials: string;
  /** ms; what the server may make of it is kept to */
  sessionMs: number;
  clock: Clock;
  onReady(): void;
  /** something that was watched has changed: what was read must be read again */
  onWatch(): void;
  /** once, and nothing after it; `refused`: trying again at once is of no use */
  onLost(reason: string, refused: boolean): void;
}

/**
 * One connection to one server, with a session of its own: nothing of it must outlive it, since an election is only read.
 * Without a sign of the server for two thirds of the session's time it counts as lost.
 */
export class ZooKeeperSession {
  private readonly socket: Socket;
  private readonly frames = createFrameReader();
  private readonly waiting = new Map<number, (answer: NodeAnswer) => void>();
  private xid = 0;
  private connected = false;
  private over = false;
  private silence: Cancel = () => undefined;
  private pings: Cancel = () => undefined;
  private silenceMs: number;

  constructor(private readonly options: ZooKeeperSessionOptions) {
    const { server, sessionMs } = options;
    const colon = server.lastIndexOf(':');
    const host = server.slice(0, colon).replace(/^\[|\]$/g, '');
    this.silenceMs = (sessionMs * 2) / 3;
    this.socket = connect({ host, port: Number(server.slice(colon + 1)), noDelay: true });
    this.socket.on('connect', () => this.socket.write(connectRequest(sessionMs)));
    this.socket.on('data', (chunk: Buffer) => this.onData(chunk));
    this.socket.on('error', ({ message }) => this.lose(message));
    this.socket.on('close', () => this.lose('the server closed the connection'));
    this.heard();
  }

  /** Resolves only while the session lasts. */
  ask(operation: 'exists' | 'getData' | 'getChildren', path: string, watch: boolean): Promise<NodeAnswer> {
    this.xid += 1;
    this.socket.write(nodeRequest(this.xid, operation, { path, watch }));
    return new Promise((resolve) => void this.waiting.set(this.xid, resolve));
  }

  close(): void {
    if (this.over) return;
    if (this.connected) this.socket.write(closeRequest(this.xid + 1));
    this.end();
  }

  private end(): void {
    this.over = true;
    this.silence();
    this.pings();
    this.waiting.clear();
    this.socket.destroySoon();
  }

  private lose(reason: string, refused = false): void {
    if (this.over) return;
    this.end();
    this.options.onLost(reason, refused);
  }

  private heard(): void {
    this.silence();
    this.silence = this.options.clock.after(this.silenceMs, () => {
      this.lose(`nothing was heard for ${Math.round(this.silenceMs / 100) / 10} s`);
    });
  }

  private onData(chunk: Buffer): void {
    try {
      for (const message of this.frames(chunk)) if (!this.over) this.onMessage(new MessageReader(message));
    } catch (cause) {
      this.lose(`what it says is no message of ZooKeeper: ${(cause as Error).message}`);
    }
  }

  private onMessage(message: MessageReader): void {
    this.heard();
    if (!this.connected) return this.onConnected(message);
    const xid = message.int();
    message.skip(8);
    const code = message.int();
    if (xid === XID.watch) return this.options.onWatch();
    if (xid === XID.auth && code !== ZK_OK) return this.lose(zookeeperError(code), true);
    this.waiting.get(xid)?.({ code, body: message });
    this.waiting.delete(xid);
  }

  private onConnected(message: MessageReader): void {
    message.skip(4);
    const granted = message.int();
    if (granted <= 0) return this.lose('the server takes no new session');
    const { clock, credentials } = this.options;
    this.connected = true;
    this.silenceMs = (granted * 2) / 3;
    this.pings = clock.every(granted / 3, () => void this.socket.write(pingRequest()));
    if (credentials !== '') this.socket.write(authRequest(credentials));
    this.heard();
    this.options.onReady();
  }
}
