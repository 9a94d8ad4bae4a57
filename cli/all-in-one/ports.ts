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
  what: string;
}

/** A free port on loopback. PORT_IN_USE when the one asked for is taken. */
export const choosePort = async ({ asked, preferred, what }: PortChoice): Promise<number> => {
  const port =
    (await tryListen(asked ?? preferred)) ?? (asked === undefined ? await tryListen(0) : undefined);
  if (port === undefined) throw new OutcryError('PORT_IN_USE', { port: asked ?? preferred, what });
  return port;
};
