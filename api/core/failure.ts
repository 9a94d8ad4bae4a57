import { ERRORS, OutcryError } from '../../common/model/errors.js';
import type { ErrorCode, ErrorDetails } from '../../common/model/errors.js';
import type { Err } from '../../common/model/result.js';
import { err } from '../../common/model/result.js';

/** Cloud Controller's error names with their codes and statuses (titles carry the prefix `CF-`). */
const CF_ERRORS = {
  InvalidAuthToken: { cfCode: 1000, status: 401 },
  MessageParseError: { cfCode: 1001, status: 400 },
  NotFound: { cfCode: 10000, status: 404 },
  ServerError: { cfCode: 10001, status: 500 },
  NotAuthorized: { cfCode: 10003, status: 403 },
  BadQueryParameter: { cfCode: 10005, status: 400 },
  UnprocessableEntity: { cfCode: 10008, status: 422 },
  ResourceNotFound: { cfCode: 10010, status: 404 },
  ServiceUnavailable: { cfCode: 10015, status: 503 },
  UniquenessError: { cfCode: 10016, status: 422 },
  PackageBitsAlreadyUploaded: { cfCode: 150004, status: 400 },
  AppBitsUploadInvalid: { cfCode: 160001, status: 400 },
  RunnerUnavailable: { cfCode: 170015, status: 503 },
  RunnerError: { cfCode: 170016, status: 500 },
} as const;

export type CfErrorName = keyof typeof CF_ERRORS;

/** An answer other than the one asked for: Cloud Controller's shape, plus our code where a person may meet it. */
export interface ApiFailure {
  status: number;
  cfCode: number;
  title: string;
  detail: string;
  code?: ErrorCode;
  details?: ErrorDetails;
}

/** A failure with Cloud Controller's own text. */
export const cfFailure = (name: CfErrorName, detail: string): ApiFailure => ({
  status: CF_ERRORS[name].status,
  cfCode: CF_ERRORS[name].cfCode,
  title: `CF-${name}`,
  detail,
});

const NAME_BY_STATUS: Record<number, CfErrorName> = {
  400: 'MessageParseError',
  401: 'InvalidAuthToken',
  403: 'NotAuthorized',
  404: 'ResourceNotFound',
  413: 'AppBitsUploadInvalid',
  503: 'ServiceUnavailable',
  500: 'ServerError',
};

/** A failure with a code of our registry; its status decides which of Cloud Controller's names it bears. */
export const codedFailure = (code: ErrorCode, details: ErrorDetails = {}): ApiFailure => {
  const error = new OutcryError(code, details);
  const { status } = ERRORS[code];
  return {
    ...cfFailure(NAME_BY_STATUS[status] ?? 'UnprocessableEntity', error.message),
    status,
    code,
    details,
  };
};

export const refuse = (name: CfErrorName, detail: string): Err<ApiFailure[]> =>
  err([cfFailure(name, detail)]);
export const refuseCoded = (code: ErrorCode, details: ErrorDetails = {}): Err<ApiFailure[]> =>
  err([codedFailure(code, details)]);

/** `App not found` and its like: the CLI compares these texts. */
export const notFound = (what: string): Err<ApiFailure[]> => refuse('ResourceNotFound', `${what} not found`);
export const unprocessable = (detail: string): Err<ApiFailure[]> => refuse('UnprocessableEntity', detail);
