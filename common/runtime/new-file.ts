import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface NewFileOptions {
  /** to the disk before it is done */
  flush?: boolean;
}

/** Lets streams flow into a file (0600) that must not exist. When that fails, nothing is left of it by then. */
export const pipeToNewFile = async (
  streams: readonly [Readable, ...Duplex[]],
  path: string,
  options: NewFileOptions = {},
): Promise<void> => {
  const file = createWriteStream(path, { ...options, flags: 'wx', mode: 0o600 });
  let isOurs = false;
  file.once('open', () => (isOurs = true));
  try {
    await pipeline([...streams, file]);
  } catch (error) {
    // what fails at once does so while the file is still being opened: before, there is nothing to remove
    if (!file.closed) await new Promise<void>((resolve) => file.once('close', () => resolve()));
    if (isOurs) await rm(path, { force: true });
    throw error;
  }
};
