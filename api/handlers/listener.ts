import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Deps } from './deps.js';
import type { GuardOptions } from './guard.js';
import { createServer } from './server.js';

/** ms that requests under way get when the API stops. */
const GRACE_MS = 3_000;

export interface Listener {
  readonly address: { host: string; port: number };
  close(): Promise<void>;
}

const bind = async (server: FastifyInstance, listen: { host: string; port: number }): Promise<void> => {
  try {
    await server.listen(listen);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new OutcryError('API_PORT_IN_USE', { address: `${listen.host}:${listen.port}`, reason }, { cause });
  }
};

/** Serves the API over TCP. */
export const listen = async (options: {
  deps: Deps;
  guard: GuardOptions;
  /** port 0 = any free one */
  listen: { host: string; port: number };
  clock: Clock;
}): Promise<Listener> => {
  const server = await createServer(options.deps, options.guard);
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
