import type { BbsAnswerName, BbsAnswers, BbsRequestName, BbsRequests } from '../../common/model/bbs-api.js';
import type { BbsError } from '../../common/model/bbs-error.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { blank } from '../../common/wire/codec.js';
import type { BbsRoute } from '../../common/wire/routes.js';
import type { Problems } from '../core/problems.js';

/** Name of the request's message; undefined when the request has no body, and none is looked at. */
export type RequestName = BbsRequestName | undefined;
export type RequestOf<Q extends RequestName> = Q extends BbsRequestName ? BbsRequests[Q] : undefined;

/** What can be said of a call without making it. */
export interface Described<Q extends RequestName = RequestName, A extends BbsAnswerName = BbsAnswerName> {
  readonly route: BbsRoute;
  /** for people: what it does, in one sentence */
  readonly summary: string;
  readonly request: Q;
  readonly answer: A;
  /** another call has taken its place */
  readonly deprecated?: true;
}

/**
 * One call as the server sees it, over decoded messages: whatever form they have on the wire is not its concern.
 * `Args` and `Value` are what the board's method takes and gives.
 */
export interface ServedCall<Args, Value, Q extends RequestName, A extends BbsAnswerName> extends Described<
  Q,
  A
> {
  /** problems are only those that the board cannot find: it never sees parts that are missing */
  parse(request: RequestOf<Q>): Result<Args, Problems>;
  reply(value: Value): BbsAnswers[A];
  /** the answer's one list, if it may be a long one */
  readonly rows?: keyof BbsAnswers[A];
  /** the answer to an error, which is put into it afterwards; a blank one when absent */
  refuse?(error: BbsError): BbsAnswers[A];
}

/** One call as both sides see it. */
export interface Call<Args, Value, Q extends RequestName, A extends BbsAnswerName> extends ServedCall<
  Args,
  Value,
  Q,
  A
> {
  print(args: Args): RequestOf<Q>;
  read(answer: BbsAnswers[A]): Result<Value, Problems>;
}

/** The answer that carries an error. */
export const refusal = <A extends BbsAnswerName>(
  call: Pick<ServedCall<never, never, RequestName, A>, 'answer' | 'refuse'>,
  error: BbsError,
): BbsAnswers[A] => {
  const { type, message } = error;
  return { ...(call.refuse?.(error) ?? blank(call.answer)), error: { type, message } };
};

/** A request that is what the board takes, as it is. */
export const same = {
  parse: <T>(request: T): Result<T, Problems> => ok(request),
  print: <T>(request: T): T => request,
};

/** The value unless there are problems. */
export const checked = <T>(value: T, problems: Problems): Result<T, Problems> =>
  problems.length === 0 ? ok(value) : err(problems);

/** A part that the answer must have. */
export const part = <T>(value: T | undefined, name: string): Result<T, Problems> =>
  value === undefined ? err([`${name} is missing`]) : ok(value);

/** A call without a body. */
export const noRequest = {
  request: undefined,
  print: (): undefined => undefined,
  parse: (): Result<void, Problems> => ok(undefined),
};

/** The answer of a call that only succeeds or fails. */
export const done = {
  reply: () => ({}),
  read: (): Result<void, Problems> => ok(undefined),
};

/** Leaves out what is undefined, as the messages do. */
export const present = <T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
