import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { createDoor } from '../../common/runtime/door.js';
import type { DoorAddress } from '../../common/runtime/door.js';
import type { Member } from '../../common/runtime/group.js';
import type { BlobStore } from '../store/blobs.js';
import type { State } from '../store/state.js';

/** What cells fetch droplets from. */
export interface BlobDoorOptions {
  address: DoorAddress;
  clock: Clock;
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

export const createBlobDoor = (options: BlobDoorOptions): Member => {
  const { address, clock, logger } = options;
  const door = createDoor({ address, what: 'droplet store', clock, logger });
  return {
    name: 'blob-door',
    async start() {
      door.server((request, response) => {
        serveDroplet(options, request, response).catch((error: unknown) => {
          logger.warn('failed-to-serve-droplet', { url: request.url, error });
          response.destroy();
        });
      });
      await door.open();
    },
    stop: door.close,
    renew: door.renew,
  };
};
