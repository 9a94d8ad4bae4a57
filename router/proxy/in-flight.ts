import type { Duplex } from 'node:stream';

/** What is under way, so that stopping can wait for requests and cut off the rest. */
export const createInFlight = () => {
  const sockets = new Set<Duplex>();
  const waiting = new Set<() => void>();
  let requests = 0;
  return {
    began(): void {
      requests += 1;
    },
    ended(): void {
      requests -= 1;
      if (requests === 0) waiting.forEach((resolve) => resolve());
    },
    /** sockets that nobody else closes when the router stops */
    hold(socket: Duplex): void {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
    destroyHeld: () => sockets.forEach((socket) => socket.destroy()),
    idle: (): Promise<void> =>
      requests === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve)),
  };
};

export type InFlight = ReturnType<typeof createInFlight>;
