import { createServer } from 'node:net';
import { OutcryError } from '../../common/model/errors.js';

const tryListen = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });

export interface PortChoice {
  /** the port the user insists on; taken = an error */
  asked: number | undefined;
  /** tried first when nothing is asked for; taken = another free one */
  preferred: number;
  /** that something else of the system will have, or insists on */
  taken: readonly (number | undefined)[];
  what: string;
}

/** A free port on loopback. PORT_IN_USE when the one asked for is taken. */
export const choosePort = async ({ asked, preferred, taken, what }: PortChoice): Promise<number> => {
  const first = asked ?? preferred;
  const free = taken.includes(first) ? undefined : await tryListen(first);
  const port = free ?? (asked === undefined ? await tryListen(0) : undefined);
  if (port === undefined) throw new OutcryError('PORT_IN_USE', { port: first, what });
  return port;
};

/** The two that people are told of. */
export const chooseOwnPorts = async (asked: {
  router: number | undefined;
  api: number | undefined;
}): Promise<{ router: number; api: number }> => {
  const router = await choosePort({
    asked: asked.router,
    preferred: 8080,
    taken: [asked.api],
    what: 'router',
  });
  const api = await choosePort({ asked: asked.api, preferred: 8081, taken: [router], what: 'API' });
  return { router, api };
};
