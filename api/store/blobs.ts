import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeToNewFile } from '../../common/runtime/new-file.js';

/** Bytes that have arrived and belong to nobody yet. */
export interface ReceivedBlob {
  path: string;
  /** sha256, hex */
  sha256: string;
  sizeBytes: number;
}

/**
 * Package bits and droplets: files named by their sha256, so that a droplet that is its package shares the
 * file. A file is complete and durable before it gets its name; what no row names goes at the next sweep.
 */
export interface BlobStore {
  /** makes the folders and drops what an earlier life left unfinished */
  start(): Promise<void>;
  receive(source: Readable, name: string): Promise<ReceivedBlob>;
  discard(blob: ReceivedBlob): Promise<void>;
  /**
   * Gives a received blob its name; it is safe from sweeps until `release` is called, after its row is durable.
   * When it rejects, nothing is left but perhaps a named file for the next sweep.
   */
  keep(blob: ReceivedBlob): Promise<{ release(): void }>;
  path(sha256: string): string;
  /** undefined when there is no such file */
  read(sha256: string): Promise<{ stream: ReadStream; sizeBytes: number } | undefined>;
  /** removes what `inUse` does not name; answers how many files went */
  sweep(inUse: () => ReadonlySet<string>): Promise<number>;
}

const NAME = /^[0-9a-f]{64}$/;

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};

const writeDurably = async (source: Readable, path: string): Promise<Omit<ReceivedBlob, 'path'>> => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeToNewFile([source, tap], path, { flush: true });
  return { sha256: hash.digest('hex'), sizeBytes };
};

export const createBlobStore = (directory: string): BlobStore => {
  const temporary = join(directory, 'tmp');
  const pins = new Map<string, number>();
  let turn: Promise<unknown> = Promise.resolve();

  /** Naming and sweeping take turns: a sweep must not remove what is being named. */
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work);
    turn = next.catch(() => undefined);
    return next;
  };

  const pin = (sha256: string) => {
    pins.set(sha256, (pins.get(sha256) ?? 0) + 1);
    return {
      release() {
        const left = (pins.get(sha256) ?? 1) - 1;
        if (left === 0) pins.delete(sha256);
        else pins.set(sha256, left);
      },
    };
  };

  const sweepNow = async (inUse: () => ReadonlySet<string>): Promise<number> => {
    const names = (await readdir(directory)).filter((name) => NAME.test(name));
    const used = inUse();
    const gone = names.filter((name) => !used.has(name) && !pins.has(name));
    for (const name of gone) await rm(join(directory, name), { force: true });
    return gone.length;
  };

  return {
    async start() {
      await rm(temporary, { recursive: true, force: true });
      await mkdir(temporary, { recursive: true, mode: 0o700 });
    },
    async receive(source, name) {
      const path = join(temporary, name);
      return { path, ...(await writeDurably(source, path)) };
    },
    discard: ({ path }) => rm(path, { force: true }),
    async keep({ path, sha256 }) {
      const pinned = pin(sha256);
      try {
        await exclusively(async () => {
          await rename(path, join(directory, sha256));
          await syncDirectory(directory);
        });
        return pinned;
      } catch (error) {
        pinned.release();
        await rm(path, { force: true });
        throw error;
      }
    },
    path: (sha256) => join(directory, sha256),
    async read(sha256) {
      const path = join(directory, sha256);
      const found = await stat(path).catch(() => undefined);
      return found && { stream: createReadStream(path), sizeBytes: found.size };
    },
    sweep: (inUse) => exclusively(() => sweepNow(inUse)),
  };
};
