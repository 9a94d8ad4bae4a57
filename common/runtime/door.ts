/**
 * Listeners (design §9): a unix socket that only the platform's own account may open, or TCP with mutual TLS.
 * There is no third kind: what is behind a door is nobody else's.
 */
import { once } from 'node:events';
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { dirname } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { OutcryError } from '../model/errors.js';
import { createToldCauses } from '../model/told-causes.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { readTls } from './tls-files.js';
import type { TlsFiles, TlsIdentity } from './tls-files.js';

export type DoorAddress =
  | { readonly socketPath: string }
  /** port 0 takes a free one */
  | { readonly host: string; readonly port: number; readonly tls: TlsFiles };

export interface DoorOptions {
  address: DoorAddress;
  /** what listens, as errors name it: 'BBS', 'droplet store' */
  what: string;
  clock: Clock;
  logger: Logger;
  /** how long connections may finish what they do when the door closes; 2 s when absent, ms */
  graceMs?: number;
}

export interface Door {
  /** the HTTP server behind the door; made by the first call, with that listener */
  server(listener: RequestListener): Server;
  open(): Promise<void>;
  /** idempotent */
  close(): Promise<void>;
  /** `unix:/path` or `https://host:port`; known once open */
  url(): string;
}

/** What every system's sockaddr_un takes, in bytes. */
export const LONGEST_SOCKET_PATH = 103;

const GRACE_MS = 2_000;

/** Whether somebody answers on the socket; a file left by a process that was killed does not. */
const isAnswered = async (path: string): Promise<boolean> => {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

/** Removes what a process that was killed left; anything that is no socket is somebody's own. */
const clear = async (path: string): Promise<void> => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket() || (await isAnswered(path))) throw new OutcryError('SOCKET_IN_USE', { path });
  rmSync(path, { force: true });
};

/** Binds with mode 0600 from the first moment: the umask holds for the one synchronous call that makes the file. */
const bindSocket = async (server: Server, path: string): Promise<void> => {
  await clear(path);
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  await once(server, 'listening');
};

const bindPort = async (server: Server, host: string, port: number): Promise<void> => {
  server.listen({ host, port });
  await once(server, 'listening');
};

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'not permitted',
  EADDRINUSE: 'something listens there already',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** `place` is a socket's path, or an address; of a directory that is missing the system says EACCES. */
const reasonOf = (error: unknown, place: string): string => {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (place.startsWith('/') && !existsSync(dirname(place))) return `there is no directory ${dirname(place)}`;
  const words = REASONS[code];
  return words === undefined ? code || message : `${words} (${code})`;
};

const bind = async (server: Server, { address, what }: DoorOptions): Promise<void> => {
  const place = 'socketPath' in address ? address.socketPath : `${address.host}:${address.port}`;
  try {
    if ('socketPath' in address) await bindSocket(server, address.socketPath);
    else await bindPort(server, address.host, address.port);
  } catch (cause) {
    if (cause instanceof OutcryError) throw cause;
    throw new OutcryError('LISTEN_FAILED', { what, place, reason: reasonOf(cause, place) }, { cause });
  }
};

const makeServer = (identity: TlsIdentity | undefined, listener: RequestListener): Server => {
  if (identity === undefined) return createServer(listener);
  const asking = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
  return createTlsServer({ ...identity, ...asking }, listener);
};

/** Why: of a certificate that was refused only the socket knows. Undefined for one who went away half-way. */
const refusalOf = (error: NodeJS.ErrnoException, socket: TLSSocket): string | undefined => {
  const { authorizationError } = socket as { authorizationError: Error | string | null | undefined };
  if (authorizationError) return String(authorizationError);
  return error.code === 'ECONNRESET' ? undefined : error.message;
};

/** Where from: the TLS socket has forgotten it by then, the connection below it knows once it was asked before. */
const addressOf = (socket: TLSSocket): string => {
  const { _parent: connection } = socket as { _parent?: Socket };
  return connection?.remoteAddress ?? socket.remoteAddress ?? 'an unknown address';
};

/** Who was turned away and why; once per cause and address, since they come again every second. */
const logRefusals = (server: Server, { what, logger }: DoorOptions): void => {
  const told = createToldCauses();
  server.on('connection', (connection: Socket) => void connection.remoteAddress);
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    const reason = refusalOf(error, socket);
    const from = addressOf(socket);
    if (reason === undefined || !told.isNew(`${from} ${reason}`)) return;
    const { code, message, remedy } = new OutcryError('CLIENT_REFUSED', { what, from, reason });
    logger.warn('client-refused', { from, code, message, remedy });
  });
};

/**
 * A listener that is not yet open. TLS_FILES_INVALID at once when its certificates cannot be used; LISTEN_FAILED or
 * SOCKET_IN_USE when it cannot be opened.
 */
export const createDoor = (options: DoorOptions): Door => {
  const { address, clock, graceMs = GRACE_MS } = options;
  // before anything of a component has started
  const identity = 'socketPath' in address ? undefined : readTls({ ...options, files: address.tls });
  let server: Server | undefined;
  let closing: Promise<void> | undefined;

  const need = (): Server => {
    if (!server) throw new Error('the door has no server yet');
    return server;
  };

  const close = async (): Promise<void> => {
    if (!server?.listening) return;
    const closed = new Promise<void>((resolve) => server?.close(() => resolve()));
    server.closeIdleConnections();
    const cancel = clock.after(graceMs, () => server?.closeAllConnections());
    await closed;
    cancel();
  };

  return {
    server(listener) {
      server ??= makeServer(identity, listener);
      return server;
    },
    async open() {
      logRefusals(need(), options);
      await bind(need(), options);
    },
    close: () => (closing ??= close()),
    url() {
      if ('socketPath' in address) return `unix:${address.socketPath}`;
      const { port } = need().address() as AddressInfo;
      const host = address.host.includes(':') ? `[${address.host}]` : address.host;
      return `https://${host}:${port}`;
    },
  };
};
