import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { cfFailure, codedFailure } from '../core/failure.js';
import type { Field, Fields, Problem, Read, Report } from '../../common/model/read.js';
import { ignored, into, invalid, isMapping, pointer, readFields, text } from '../../common/model/read.js';

/** Reading JSON bodies. */

const failureOf = ({ path, kind, reason }: Problem): ApiFailure => {
  if (kind === 'unknown-key')
    return cfFailure('UnprocessableEntity', `Unknown field(s): '${path.join('.')}'`);
  return codedFailure('API_BODY_INVALID', { field: pointer(path), reason });
};

/** Reads a body of known keys; an absent body counts as an empty one. */
export const readBody = <T>(body: unknown, start: T, fields: Fields<T>): Result<T, ApiFailure[]> => {
  const problems: Problem[] = [];
  const report: Report = (problem) => void problems.push(problem);
  const value = readFields(start, body ?? {}, { fields, at: [], report });
  return problems.length > 0 ? err(problems.map(failureOf)) : ok(value);
};

/** `{data: {guid}}`, as relationships are written. */
export const relationship: Read<string> = (value, at, report) => {
  const data = isMapping(value) ? value['data'] : undefined;
  const guid = isMapping(data) ? data['guid'] : undefined;
  return typeof guid === 'string' ? guid : invalid([...at, 'data', 'guid'], report, 'must be text');
};

/** `{guid}` */
export const reference: Read<string> = (value, at, report) => {
  const guid = isMapping(value) ? value['guid'] : undefined;
  return typeof guid === 'string' ? guid : invalid([...at, 'guid'], report, 'must be text');
};

/** Reads an object's keys into the same target as the keys around it. */
export const nested =
  <T>(fields: Fields<T>): Field<T> =>
  (target, value, at, report) =>
    void readFields(target, value, { fields, at, report });

/** `{"relationships": {"app": {"data": {"guid": …}}}}` */
export const relationships = <T>(fields: Fields<T>): Field<T> => nested(fields);

/** null counts as absent */
export const optional =
  <T>(field: Field<T>): Field<T> =>
  (target, value, at, report) => {
    if (value !== null) field(target, value, at, report);
  };

export const required = <T>(
  result: Result<T, ApiFailure[]>,
  names: readonly (keyof T & string)[],
): Result<T, ApiFailure[]> => {
  if (!result.ok) return result;
  const missing = names.filter((name) => result.value[name] === undefined || result.value[name] === '');
  if (missing.length === 0) return result;
  return err(
    missing.map((field) => codedFailure('API_BODY_INVALID', { field: `/${field}`, reason: 'must be there' })),
  );
};

export { ignored, into, text };
