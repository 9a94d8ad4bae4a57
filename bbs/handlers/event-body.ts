import type { IncomingMessage } from 'node:http';
import { formOf } from '../protocol/forms.js';

/** A subscriber's request names one cell at most. */
const MAX_BODY_BYTES = 64 * 1024;

/** Reads a body whatever its method and however its length is told: Diego's oldest streams are asked for by a GET with one. */
const bodyOf = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).byteLength;
    if (bytes > MAX_BODY_BYTES) return undefined;
  }
  return Buffer.concat(parts);
};

/** The cell whose events are wanted, '' for all; undefined when the body cannot be read. */
export const wantedCell = async (request: IncomingMessage): Promise<string | undefined> => {
  const body = await bodyOf(request);
  const asked = body && formOf(request.headers['content-type']).read('EventsByCellId', body);
  return asked?.ok ? asked.value.cellId : undefined;
};
