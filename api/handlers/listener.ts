import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Deps } from './deps.js';
import type { GuardOptions } from './guard.js';
import { createServer } from './server.js';
import type { ServerTls } from './server.js';
import type { ApiListen } from '../config.js';

/** ms that requests under way get when the API stops. */
const GRACE_MS = 3_000;

/** The PEM files that `listen` names; TLS_FILES_INVALID when they cannot be used. */
const readTls = ({ tls }: ApiListen): ServerTls | undefined => {
  if (!tls) return undefined;
  try {
    const pair = { cert: readFileSync(tls.cert, 'utf8'), key: readFileSync(tls.key, 'utf8') };
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    const reason = `${tls.cert}: ${(cause as Error).message}`;
    throw new OutcryError('TLS_FILES_INVALID', { what: 'API', reason }, { cause });
  }
};

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
export const listen = async (options: {
  deps: Deps;
  guard: GuardOptions;
  listen: ApiListen;
  clock: Clock;
}): Promise<Listener> => {
  const server = await createServer({ ...options, tls: readTls(options.listen) });
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
