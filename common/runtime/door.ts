/**
 * Listeners (design §9): a unix socket that only the platform's own account may open, or TCP with mutual TLS.
 * There is no third kind: what is behind a door is nobody else's.
 */
import { once } from 'node:events';
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { addressText } from '../model/address.js';
import { OutcryError } from '../model/errors.js';
import type { ClientRole } from '../model/well-known.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { createDoorClients } from './door-clients.js';
import type { TlsFiles, TlsIdentity } from './tls-files.js';
import { openTls } from './tls-renewal.js';
import type { Renewable } from './tls-renewal.js';

export type DoorAddress =
  | { readonly socketPath: string }
  | {
      readonly host: string;
      /** 0 takes a free one */
      readonly port: number;
      readonly tls: TlsFiles;
      /** roles that are let in; whoever has a certificate of the authority when absent */
      readonly clients?: readonly ClientRole[];
    };

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
  /** takes renewed certificates for those who come from now on; whoever is in stays */
  renew(): void;
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
  const place = 'socketPath' in address ? address.socketPath : addressText(address);
  try {
    if ('socketPath' in address) await bindSocket(server, address.socketPath);
    else await bindPort(server, address.host, address.port);
  } catch (cause) {
    if (cause instanceof OutcryError) throw cause;
    throw new OutcryError('LISTEN_FAILED', { what, place, reason: reasonOf(cause, place) }, { cause });
  }
};

const TLS = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;

const makeServer = (
  identity: Renewable<TlsIdentity> | undefined,
  listener: RequestListener,
  options: DoorOptions,
): Server => {
  if (identity === undefined) return createServer(listener);
  const clients = 'clients' in options.address ? options.address.clients : undefined;
  const { admit, watch } = createDoorClients({ ...options, clients });
  const server = new TlsServer({ ...identity.current(), ...TLS }, admit(listener));
  watch(server);
  return server;
};

/**
 * A listener that is not yet open. TLS_FILES_INVALID at once when its certificates cannot be used; LISTEN_FAILED or
 * SOCKET_IN_USE when it cannot be opened.
 */
export const createDoor = (options: DoorOptions): Door => {
  const { address, clock, graceMs = GRACE_MS } = options;
  // before anything of a component has started
  const identity = 'socketPath' in address ? undefined : openTls({ ...options, files: address.tls });
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
      server ??= makeServer(identity, listener, options);
      return server;
    },
    async open() {
      await bind(need(), options);
    },
    renew() {
      if (identity?.renew() && server instanceof TlsServer) {
        server.setSecureContext({ ...identity.current(), ...TLS });
      }
    },
    close: () => (closing ??= close()),
    url() {
      if ('socketPath' in address) return `unix:${address.socketPath}`;
      const { port } = need().address() as AddressInfo;
      return `https://${addressText({ host: address.host, port })}`;
    },
  };
};
