import { closeSync, openSync } from 'node:fs';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { writeAll } from '../../common/runtime/write-all.js';

/** Lines for a file, written many at a time. */
export interface LineFile {
  write(line: string): void;
  /** goes on in a file of the same name, which may be another one by now */
  reopen(): void;
  /** resolves when everything is written */
  close(): Promise<void>;
  /** lines given up: the disk was full, failed, or too slow */
  dropped(): number;
}

export interface LineFileOptions {
  /** undefined = standard output */
  readonly path: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** ms that a line may wait for company */
const FLUSH_MS = 100;
/** characters after which nothing waits */
const FLUSH_SIZE = 64 * 1024;
/** characters that may wait for a slow disk */
const MOST_WAITING = 16 * 1024 * 1024;
const STDOUT = 1;

const open = (path: string): number => {
  try {
    return openSync(path, 'a', 0o640);
  } catch (cause) {
    throw new OutcryError('FILE_UNWRITABLE', { path, reason: fileReason(cause) }, { cause });
  }
};

/**
 * Opened for appending, so that several processes may share it. FILE_UNWRITABLE when it cannot be opened at first;
 * later on, what cannot be written is counted and given up: requests never wait for their log.
 */
export const openLineFile = ({ path, clock, logger }: LineFileOptions): LineFile => {
  let fd = path === undefined ? STDOUT : open(path);
  let lines = '';
  let count = 0;
  let dropped = 0;
  let timer: Cancel | undefined;
  let writing: Promise<void> | undefined;
  let failing = false;
  /** of a file that was put aside while lines for it were under way */
  const stale: number[] = [];

  const failed = (lost: number, error: unknown): void => {
    dropped += lost;
    if (!failing) logger.error('access-log-not-written', { path, error });
    failing = true;
  };

  const writeBatch = async (): Promise<void> => {
    const [bytes, taken, target] = [Buffer.from(lines), count, fd];
    [lines, count] = ['', 0];
    try {
      await writeAll(target, bytes);
      failing = false;
    } catch (error) {
      failed(taken, error);
    }
    for (let old = stale.pop(); old !== undefined; old = stale.pop()) closeSync(old);
  };

  const flush = (): void => {
    timer?.();
    timer = undefined;
    if (writing || lines === '') return;
    writing = writeBatch().finally(() => {
      writing = undefined;
      if (lines !== '') flush();
    });
  };

  return {
    write(line) {
      if (lines.length > MOST_WAITING) {
        failed(1, 'too slow');
        return;
      }
      lines += `${line}\n`;
      count += 1;
      if (lines.length >= FLUSH_SIZE) flush();
      else timer ??= clock.after(FLUSH_MS, flush);
    },
    reopen() {
      if (path === undefined) return;
      try {
        const next = open(path);
        if (writing) stale.push(fd);
        else closeSync(fd);
        fd = next;
        logger.info('access-log-reopened', { path });
      } catch (error) {
        logger.error('access-log-not-reopened', { path, error });
      }
    },
    async close() {
      for (flush(); writing; flush()) await writing;
      if (path !== undefined) closeSync(fd);
    },
    dropped: () => dropped,
  };
};
