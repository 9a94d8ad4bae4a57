import type { ErrorEntry } from './error-entry.js';
import { ERRORS_OF_MESOS } from './errors-of-mesos.js';
import { ERRORS_OF_OPERATION } from './errors-of-operation.js';
import { ERRORS_OF_USE } from './errors-of-use.js';

/**
 * The error registry: every error that a person may meet, with its exit status or HTTP status.
 * docs/reference/errors.md lists the same; a test keeps them equal.
 */
export const ERRORS = {
  ...ERRORS_OF_USE,
  ...ERRORS_OF_OPERATION,
  ...ERRORS_OF_MESOS,
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
