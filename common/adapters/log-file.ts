import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

export interface LogFile {
  write(line: string): void;
  close(): void;
}

/**
 * A file for log lines that stays bounded: at `maxBytes` it becomes `<path>.1`, replacing the one before.
 * Writing is synchronous, so that the last lines before a crash are there. Lines that a full or failing disk
 * does not take are lost: logging must never break what it tells of.
 */
export const openLogFile = ({ path, maxBytes }: { path: string; maxBytes: number }): LogFile => {
  let fd: number | undefined = openSync(path, 'a', 0o600);
  let size = statSync(path).size;

  const rotate = (): void => {
    renameSync(path, `${path}.1`);
    const next = openSync(path, 'a', 0o600);
    if (fd !== undefined) closeSync(fd);
    fd = next;
    size = 0;
  };

  return {
    write(line) {
      if (fd === undefined) return;
      try {
        if (size > maxBytes) rotate();
        size += writeSync(fd, line);
      } catch {
        // there is no other place to tell of it
      }
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
};
