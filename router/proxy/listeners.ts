import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { MAX_PROXY_HEADER, readProxyHeader } from '../core/proxy-protocol.js';
import type { ProxiedClient } from '../core/proxy-protocol.js';
import type { ListenerRules, TlsRules } from '../listener-config.js';
import { createCertificates } from './certificates.js';
import type { KeyPair } from './certificates.js';
import { introduce } from './client.js';

/** What connections are given to, once it is clear what they speak. */
export interface Speakers {
  readonly http1: (socket: Socket) => void;
  readonly http2: (socket: Socket) => void;
}

export interface Listeners {
  start(): Promise<void>;
  /** takes no further connections; resolves when the last one has ended */
  close(): Promise<void>;
  /** ends all connections at once, those too that have not said yet what they speak */
  cutOff(): void;
  address(): { host: string; port: number } | undefined;
  tlsAddress(): { host: string; port: number } | undefined;
  /** shows these certificates from the next connection on; throws, and keeps the old ones, when one is unusable */
  replaceCertificates(pairs: readonly KeyPair[]): void;
}

export interface ListenersOptions {
  readonly rules: ListenerRules;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly speakers: Speakers;
}

/** ms within which a load balancer must have said who it speaks for */
const PROXY_HEADER_MS = 100_000;

/** ms within which a client must be through with its handshake */
const HANDSHAKE_MS = 10_000;

type OnClient = (socket: Socket, proxied: ProxiedClient | undefined) => void;

/** Reads who the connection is for; what follows the header is left to be read. */
const readProxied = (socket: Socket, clock: Clock, onClient: OnClient): void => {
  let bytes: Buffer = Buffer.alloc(0);
  const cancel = clock.after(PROXY_HEADER_MS, () => socket.destroy());
  const leave = (): void => {
    cancel();
    socket.off('readable', onReadable).off('error', leave).off('close', leave);
  };
  const goOn = (proxied: ProxiedClient | undefined, rest: Buffer): void => {
    leave();
    if (rest.length > 0) socket.unshift(rest);
    onClient(socket, proxied);
  };
  const onReadable = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
      bytes = Buffer.concat([bytes, chunk]);
    }
    const header = readProxyHeader(bytes.subarray(0, MAX_PROXY_HEADER));
    if (header.kind === 'read') goOn(header.client, bytes.subarray(header.length));
    else if (header.kind === 'absent') goOn(undefined, bytes);
    else if (header.kind === 'invalid') socket.destroy();
  };
  socket.on('readable', onReadable).on('error', leave).on('close', leave);
};

/** A client whose certificate is only asked for must not show a bad one. */
const isAcceptable = (socket: TLSSocket): boolean =>
  socket.authorized || Object.keys(socket.getPeerCertificate() ?? {}).length === 0;

const createTls = (tls: TlsRules, protocols: readonly string[], speakers: Speakers) => {
  const { pairs, clientCertificates, ...rules } = tls;
  const proxied = new WeakMap<Socket, ProxiedClient>();
  let certificates = createCertificates(pairs, rules);
  const server: TlsServer = createTlsServer({
    ...rules,
    ALPNProtocols: [...protocols],
    handshakeTimeout: HANDSHAKE_MS,
    requestCert: clientCertificates !== 'none',
    rejectUnauthorized: clientCertificates === 'require',
    SNICallback: (name, done) => done(null, certificates.find(name)),
    // for clients that name nobody
    cert: pairs[0]?.cert,
    key: pairs[0]?.key,
  });
  server.on('secureConnection', (socket) => {
    if (clientCertificates === 'request' && !isAcceptable(socket)) return void socket.destroy();
    const { _parent: plain } = socket as TLSSocket & { _parent?: Socket };
    introduce(socket, plain && proxied.get(plain));
    if (socket.alpnProtocol === 'h2') speakers.http2(socket);
    else speakers.http1(socket);
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return {
    accept: (socket: Socket, client: ProxiedClient | undefined): void => {
      if (client) proxied.set(socket, client);
      server.emit('connection', socket);
    },
    replace(next: readonly KeyPair[]): void {
      certificates = createCertificates(next, rules);
      const [first] = next;
      if (first) server.setSecureContext({ ...rules, ...first });
    },
  };
};

const listen = (server: Server, { host, port }: { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

const addressOf = (server: Server | undefined): { host: string; port: number } | undefined => {
  const address = server?.listening ? (server.address() as AddressInfo) : undefined;
  return address && { host: address.address, port: address.port };
};

/** The doors for clients: plain and secured, with or without a load balancer before them. */
export const createListeners = ({ rules, clock, logger, speakers }: ListenersOptions): Listeners => {
  const sockets = new Set<Socket>();
  const door = (onClient: OnClient, allowHalfOpen: boolean): Server =>
    createServer({ allowHalfOpen, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      if (rules.proxyProtocol) readProxied(socket, clock, onClient);
      else onClient(socket, undefined);
    });
  const tls = rules.tls && createTls(rules.tls, rules.http2 ? ['h2', 'http/1.1'] : ['http/1.1'], speakers);
  const plain = rules.plain
    ? door((socket, proxied) => {
        if (proxied) introduce(socket, proxied);
        speakers.http1(socket);
      }, true)
    : undefined;
  // TLS has an end of its own, and half a handshake is of no use
  const secure = tls && door(tls.accept, false);
  const servers = [plain, secure].filter((server) => server !== undefined);

  return {
    async start() {
      if (plain && rules.plain) await listen(plain, rules.plain);
      if (secure && rules.tlsListen) await listen(secure, rules.tlsListen);
      for (const server of servers) logger.info('listening', addressOf(server) ?? {});
    },
    async close() {
      await Promise.all(
        servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
      );
    },
    cutOff: () => sockets.forEach((socket) => socket.destroy()),
    address: () => addressOf(plain),
    tlsAddress: () => addressOf(secure),
    replaceCertificates: (pairs) => tls?.replace(pairs),
  };
};
