import { once } from 'node:events';
import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Server } from 'node:http';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';

/** How long connections may finish what they do when the server stops, ms. */
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
const bind = async (server: Server, path: string): Promise<void> => {
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  await once(server, 'listening');
};

export interface SocketServer {
  listen(): Promise<void>;
  stop(): Promise<void>;
}

export const createSocketServer = (options: { server: Server; path: string; clock: Clock }): SocketServer => {
  const { server, path, clock } = options;
  return {
    async listen() {
      await clear(path);
      await bind(server, path);
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cancel = clock.after(GRACE_MS, () => server.closeAllConnections());
      await closed;
      cancel();
    },
  };
};
