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
  API_REFUSED: {
    message: 'the API refused ({status} {title}): {reason}',
    remedy: 'correct what it names and try again',
    status: 422,
  },
  API_UNREACHABLE: {
    message: 'no answer from the API at {url}: {reason}',
    remedy: "start the system with 'npm start', or set OUTCRY_API to where it runs",
    status: 503,
  },
  APP_NOT_FOUND: { message: "no application '{app}'", remedy: "'outcry apps' lists them", status: 404 },
  COMMAND_UNKNOWN: {
    message: "no command '{name}'",
    remedy: "did you mean '{nearest}'? 'outcry help' lists all",
    status: 400,
  },
  FILE_INVALID: { message: '{path}: {problem}', remedy: 'correct the file and try again', status: 422 },
  MANIFEST_INVALID: {
    message: '{place}: {field}: {problem}',
    remedy: 'correct the manifest; the keys are those of Cloud Foundry',
    status: 422,
  },
  NOT_RUNNING: {
    message: 'no running system is known ({file} cannot be read)',
    remedy: "start one with 'npm start', or set OUTCRY_API and OUTCRY_TOKEN",
    status: 503,
  },
  PLACEMENT_FAILED: {
    message: 'no cell takes {app}: {reason}',
    remedy: 'ask for less, or add cells; the application is kept, stopped',
    status: 503,
  },
  PORT_IN_USE: {
    message: 'port {port} for the {what} is in use',
    remedy: 'stop what listens there, or leave the option out to have a free port chosen',
    status: 409,
  },
  PUSH_UPLOAD_REFUSED: {
    message: 'the upload was refused: {reason}',
    remedy: 'take it out of the directory, or list it in .cfignore',
    status: 422,
  },
  STAGING_FAILED: {
    message: 'staging {app} failed: {reason}',
    remedy: 'correct it and push again',
    status: 422,
  },
  START_FAILED: {
    message: '{app} does not start: {reason}',
    remedy: "'outcry logs {app} --recent' shows what it printed",
    status: 503,
  },
  TASK_FAILED: {
    message: 'task {task} failed: {reason}',
    remedy: "'outcry logs {app} --recent' shows what it printed",
    status: 500,
  },
  TOKEN_MISSING: {
    message: 'OUTCRY_API is set to {url}, but there is no token',
    remedy: 'set OUTCRY_TOKEN',
    status: 401,
  },
  TOKEN_REFUSED: {
    message: 'the API does not accept this token',
    remedy: 'is another system running there? check OUTCRY_API and OUTCRY_TOKEN',
    status: 401,
  },
  USAGE: { message: '{problem}', remedy: 'usage: outcry {usage}', status: 400 },
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
