import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import { readKeyPair } from '../../common/runtime/tls-files.js';
import type { TlsKeyPair } from '../../common/runtime/tls-files.js';
import type { Deps } from './deps.js';
import type { GuardOptions } from './guard.js';
import { createServer } from './server.js';
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
const readTls = ({ listen: { tls }, clock, deps }: ListenOptions): TlsKeyPair | undefined =>
  tls &&
  readKeyPair({
    files: { certFile: tls.cert, keyFile: tls.key },
    what: 'API',
    clock,
    logger: deps.logger,
  });

export interface Listener {
  readonly address: { host: string; port: number };
  close(): Promise<void>;
}

const bind = async (server: FastifyInstance, { host, port }: ApiListen): Promise<void> => {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new OutcryError('API_PORT_IN_USE', { address: `${host}:${port}`, reason }, { cause });
  }
};

/** Serves the API over TCP. */
export const listen = async (options: ListenOptions): Promise<Listener> => {
  const server = await createServer({ ...options, tls: readTls(options) });
  await bind(server, options.listen);
  const { port } = server.server.address() as AddressInfo;
  return {
    address: { host: options.listen.host, port },
    async close() {
      const cancel = options.clock.after(GRACE_MS, () => server.server.closeAllConnections());
      await server.close();
      cancel();
    },
  };
};
