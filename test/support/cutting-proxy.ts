import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A way to a unix socket that breaks when told to. */
export interface CuttingProxy {
  readonly socketPath: string;
  /** every connection breaks, wherever it is */
  cut(): void;
  close(): void;
}

/** Listens at `socketPath` and passes everything on to `target`. */
export const openCuttingProxy = async (socketPath: string, target: string): Promise<CuttingProxy> => {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  };
  const server = createServer((from) => {
    const to = createConnection(target);
    [from, to].forEach(keep);
    from.pipe(to).pipe(from);
  }).listen(socketPath);
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    socketPath,
    cut,
    close() {
      cut();
      server.close();
    },
  };
};
