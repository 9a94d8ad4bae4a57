import { writeSync } from 'node:fs';
import { OutcryError } from '../model/errors.js';
import { fileReason } from '../model/file-reason.js';
import { openLogFile } from './log-file.js';
import type { LogFile } from './log-file.js';

const STDOUT = 1;

/**
 * Standard output as a sink of log lines, written at once: the last line before an end is there. A reader that has
 * gone or is too slow costs lines, never the process.
 */
const standardOutput = (): LogFile => ({
  write(line) {
    try {
      writeSync(STDOUT, line);
    } catch {
      // there is no other place to tell of it
    }
  },
  close: () => undefined,
});

const inFile = (path: string, maxBytes: number): LogFile => {
  try {
    return openLogFile({ path, maxBytes });
  } catch (cause) {
    throw new OutcryError('FILE_UNWRITABLE', { path, reason: fileReason(cause) }, { cause });
  }
};

/**
 * Where a process's log goes: a bounded file, or standard output when none is named. FILE_UNWRITABLE when there can
 * be no such file.
 */
export const createLogSink = (log: { file: string | undefined; maxBytes: number }): LogFile =>
  log.file === undefined ? standardOutput() : inFile(log.file, log.maxBytes);
