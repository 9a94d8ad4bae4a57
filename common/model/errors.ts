/**
 * The error registry: every error that a person may meet, with its exit status or HTTP status.
 * docs/reference/errors.md lists the same; a test keeps them equal.
 */
interface ErrorEntry {
  /** what happened, in one line; `{name}` is replaced from the details */
  readonly message: string;
  /** what to do about it */
  readonly remedy: string;
  /** HTTP status when it crosses the API */
  readonly status: number;
}

export const ERRORS = {
  PATH_NOT_FOUND: {
    message: 'no such directory: {path}',
    remedy: 'give the path of the application directory',
    status: 422,
  },
  APP_DIR_EMPTY: {
    message: 'the directory {path} is empty',
    remedy: 'push a directory that holds the application',
    status: 422,
  },
  NO_START_COMMAND: {
    message: 'no start command for {app}',
    remedy: 'give -c COMMAND, a Procfile with a "web:" line, or a package.json with a "start" script',
    status: 422,
  },
  DATA_DIR_LOCKED: {
    message: 'the data directory {path} is in use by process {pid} ({command}), started {startedAt}',
    remedy: 'stop that process first, or give another directory with --data DIR',
    status: 409,
  },
  DATA_DIR_UNREADABLE: {
    message: 'the data directory {path} cannot be used: {reason}',
    remedy: 'make it a directory that you own and may read and write, or give another with --data DIR',
    status: 500,
  },
  STORE_CORRUPT: {
    message: 'the data file {path} is damaged: {reason}',
    remedy:
      'keep a copy of it, put back a backup of the data directory, or move the file away to start empty',
    status: 500,
  },
  STORE_FULL: {
    message: 'no space left to write {path}',
    remedy: 'free space on that disk; nothing was changed',
    status: 507,
  },
  STORE_LOCKED: {
    message: 'the data file {path} is in use by another process',
    remedy: 'stop the other process that uses it, then start again',
    status: 409,
  },
  STORE_NEWER: {
    message: 'the data file {path} was written by a newer version (schema {found}, this one knows {known})',
    remedy: 'start the version that wrote it, or a newer one; data is never converted back',
    status: 500,
  },
  STORE_UNREADABLE: {
    message: 'the data file {path} cannot be used: {reason}',
    remedy: 'check the disk and the permissions of the file, then start again',
    status: 500,
  },
  INTERNAL: {
    message: 'unexpected failure: {reason}',
    remedy: 'this is a defect: report it with the log',
    status: 500,
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export type ErrorDetails = Record<string, string | number>;

const fill = (template: string, details: ErrorDetails): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole));

/** An error with a code of the registry. Thrown only where a failure is not an expected outcome, and at the borders. */
export class OutcryError extends Error {
  override readonly name = 'OutcryError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(fill(ERRORS[code].message, details), options);
    this.code = code;
    this.details = details;
  }

  get remedy(): string {
    return fill(ERRORS[this.code].remedy, this.details);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
