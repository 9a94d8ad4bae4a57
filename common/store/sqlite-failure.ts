import { OutcryError } from '../model/errors.js';
import { reasonOf } from './data-dir.js';
import type { WorkerFailure } from './sqlite-protocol.js';

/** A failure that is not SQLite's own. */
export class StoreFileError extends Error {
  override readonly name = 'StoreFileError';
  readonly failure: WorkerFailure;

  constructor(failure: WorkerFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The file that it is about, and what the program knows of it. */
interface Where {
  readonly path: string;
  readonly schema: { readonly name: string; readonly version: number };
}

/** What went wrong with a file, for people. */
export const storeFileFailure = (failure: WorkerFailure, { path, schema }: Where): Error => {
  const reason = failure.message;
  if (failure.kind === 'newer') {
    return new OutcryError('STORE_NEWER', { path, found: failure.found ?? 0, known: schema.version });
  }
  // SQLite has finer codes than people have remedies
  switch (failure.code.replace(/^(SQLITE_(BUSY|LOCKED|CORRUPT|NOTADB|READONLY|FULL))_.*/, '$1')) {
    case '':
      return new Error(`store ${schema.name}: ${reason}`);
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new OutcryError('STORE_LOCKED', { path });
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return new OutcryError('STORE_CORRUPT', { path, reason });
    case 'SQLITE_READONLY':
    case 'EROFS':
      return new OutcryError('STORE_READ_ONLY', { path, reason });
    case 'SQLITE_FULL':
    case 'ENOSPC':
    case 'EDQUOT':
      return new OutcryError('STORE_FULL', { path });
    default:
      return new OutcryError('STORE_UNREADABLE', {
        path,
        reason: failure.code.startsWith('SQLITE') ? `${failure.code}: ${reason}` : reasonOf(failure),
      });
  }
};

// libsql reports a file that cannot be opened as a plain error without a code.
export const failureOf = (error: unknown): WorkerFailure => {
  if (error instanceof StoreFileError) return error.failure;
  const { code, message } = error as Error & { code?: string };
  if (code !== undefined && code !== '') return { kind: 'sqlite', code, message };
  if (!message.startsWith('ConnectionFailed')) return { kind: 'defect', code: '', message };
  return { kind: 'sqlite', code: 'SQLITE_CANTOPEN', message: 'it cannot be opened as a file' };
};
