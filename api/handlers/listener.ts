import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { addressText } from '../../common/model/address.js';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { TlsKeyPair } from '../../common/runtime/tls-files.js';
import { openKeyPair } from '../../common/runtime/tls-renewal.js';
import type { Renewable } from '../../common/runtime/tls-renewal.js';
import type { Deps } from './deps.js';
import type { GuardOptions } from './guard.js';
import { TLS_VERSIONS, createServer } from './server.js';
import type { ApiListen } from '../config.js';

/** ms that requests under way get when the API stops. */
const GRACE_MS = 3_000;

export interface ListenOptions {
  deps: Deps;
  guard: GuardOptions;
  listen: ApiListen;
  clock: Clock;
}

/** The PEM files that `listen` names; TLS_FILES_INVALID when they cannot be used. */
const openTls = ({ listen: { tls }, clock, deps }: ListenOptions): Renewable<TlsKeyPair> | undefined =>
  tls &&
  openKeyPair({
    files: { certFile: tls.cert, keyFile: tls.key },
    what: 'API',
    clock,
    logger: deps.logger,
  });

export interface Listener {
  readonly address: { host: string; port: number };
  /** takes renewed certificates for those who come from now on */
  renew(): void;
  close(): Promise<void>;
}

const bind = async (server: FastifyInstance, { host, port }: ApiListen): Promise<void> => {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new OutcryError('API_PORT_IN_USE', { address: addressText({ host, port }), reason }, { cause });
  }
};

/** Serves the API over TCP. */
export const listen = async (options: ListenOptions): Promise<Listener> => {
  const tls = openTls(options);
  const server = await createServer({ ...options, tls: tls?.current() });
  await bind(server, options.listen);
  const { port } = server.server.address() as AddressInfo;
  return {
    address: { host: options.listen.host, port },
    renew() {
      if (tls?.renew() && server.server instanceof HttpsServer) {
        server.server.setSecureContext({ ...tls.current(), ...TLS_VERSIONS });
      }
    },
    async close() {
      const cancel = options.clock.after(GRACE_MS, () => server.server.closeAllConnections());
      await server.close();
      cancel();
    },
  };
};
