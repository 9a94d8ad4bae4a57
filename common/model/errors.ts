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
