import { Readable } from 'node:stream';
import type { AccessRecord } from '../core/access-line.js';

/**
 * A request's body for the endpoint, with back-pressure both ways. It stands between the two because undici
 * destroys a body when an attempt fails, and destroying the request itself would cut the client off before it
 * got an answer. What is left of a body that nobody wants any more is read and thrown away, so that the
 * client's connection can carry on.
 */
export const createRequestBody = (source: Readable, record: Pick<AccessRecord, 'requestBytes'>): Readable => {
  let listening = false;

  const onData = (chunk: Buffer): void => {
    record.requestBytes += chunk.length;
    if (!body.push(chunk)) source.pause();
  };
  const onEnd = (): void => void body.push(null);

  const listen = (): void => {
    listening = true;
    source.on('data', onData).on('end', onEnd);
  };

  const body = new Readable({
    read() {
      if (listening) source.resume();
      else listen();
    },
    destroy(error, callback) {
      source.off('data', onData).off('end', onEnd);
      source.resume();
      callback(error);
    },
  });
  // an attempt that failed has told its error already
  body.on('error', () => undefined);
  return body;
};
