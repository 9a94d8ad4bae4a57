import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

export interface LogFile {
  write(line: string): void;
  close(): void;
}

/**
 * A file for log lines that stays bounded: at `maxBytes` it becomes `<path>.1`, replacing the one before.
 * Writing is synchronous, so that the last lines before a crash are there.
 */
export const openLogFile = ({ path, maxBytes }: { path: string; maxBytes: number }): LogFile => {
  let fd: number | undefined = openSync(path, 'a', 0o600);
  let size = statSync(path).size;

  const rotate = (): void => {
    if (fd !== undefined) closeSync(fd);
    renameSync(path, `${path}.1`);
    fd = openSync(path, 'a', 0o600);
    size = 0;
  };

  return {
    write(line) {
      if (fd === undefined) return;
      if (size > maxBytes) rotate();
      size += writeSync(fd, line);
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
};
