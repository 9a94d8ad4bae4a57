import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

/**
 * An engine at `socketPath` that is the one at `target`, and lists containers as they were before their start: what a
 * list says has been overtaken when it is read, if a start was under way.
 */
export const openStaleEngine = async (socketPath: string, target: string): Promise<{ close(): void }> => {
  const server = createServer(async (asked, answer) => {
    const { method, url, headers } = asked;
    const passed = request({ socketPath: target, method, path: url, headers }, async (response) => {
      const { statusCode = 500 } = response;
      if (!/\/containers\/json/.test(url ?? '')) {
        answer.writeHead(statusCode, response.headers);
        return response.pipe(answer);
      }
      const listed = JSON.parse((await bodyOf(response)).toString()) as object[];
      const stale = JSON.stringify(listed.map((one) => ({ ...one, State: 'created' })));
      return answer.writeHead(statusCode, { 'content-type': 'application/json' }).end(stale);
    });
    passed.on('error', () => answer.destroy());
    passed.end(await bodyOf(asked));
  }).listen(socketPath);
  await once(server, 'listening');
  return {
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
};
