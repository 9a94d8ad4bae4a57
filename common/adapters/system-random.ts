import { randomBytes, randomUUID } from 'node:crypto';
import type { Random } from '../ports/random.js';

export const createSystemRandom = (): Random => ({
  uuid: () => randomUUID(),
  fraction: () => Math.random(),
  secret: (bytes) => randomBytes(bytes).toString('hex'),
});
