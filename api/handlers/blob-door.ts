import { lstat, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Logger } from '../../common/ports/logger.js';
import type { Member } from '../../common/runtime/group.js';
import type { BlobStore } from '../store/blobs.js';
import type { State } from '../store/state.js';

/** What cells fetch droplets from: a unix socket that only the platform's own account may open. */
export interface BlobDoorOptions {
  path: string;
  state: State;
  blobs: BlobStore;
  logger: Logger;
}

const DROPLET = /^\/droplets\/([A-Za-z0-9-]{1,64})$/;

const refuse = (response: ServerResponse, status: number): void => {
  response.writeHead(status, { 'content-length': 0 }).end();
};

const serveDroplet = async (
  { state, blobs }: BlobDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const guid = DROPLET.exec(request.url ?? '')?.[1];
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
  const droplet = guid === undefined ? undefined : state.tables.droplets.get(guid);
  const blob = droplet?.image === null && (await blobs.read(droplet.blob));
  if (!droplet || !blob) return refuse(response, 404);
  response.writeHead(200, {
    'content-type': 'application/zip',
    'content-length': blob.sizeBytes,
    etag: `"${droplet.blob}"`,
  });
  if (request.method === 'HEAD') {
    blob.stream.destroy();
    response.end();
    return;
  }
  await pipeline(blob.stream, response);
};

const removeStale = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket()) await rm(path, { force: true });
};

/** Binds with no permission for others from the first moment. */
const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const before = process.umask(0o177);
    server.once('error', reject);
    server.listen(path, resolve);
    process.umask(before);
  });

export const createBlobDoor = (options: BlobDoorOptions): Member => {
  const server = createServer((request, response) => {
    serveDroplet(options, request, response).catch((error: unknown) => {
      options.logger.warn('failed-to-serve-droplet', { url: request.url, error });
      response.destroy();
    });
  });
  return {
    name: 'blob-door',
    async start() {
      await removeStale(options.path);
      await listen(server, options.path);
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
