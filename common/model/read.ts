import { nearest } from './nearest.js';
import { parseMegabytes } from './units.js';
import type { HealthCheckType } from './health-check.js';

/** Readers of values that came from outside (manifests, JSON bodies): right in type and range, or a problem with its place. */

/** Keys and indexes from the top. */
export type Path = readonly (string | number)[];

export interface Problem {
  path: Path;
  kind: 'unknown-key' | 'invalid' | 'unsupported';
  /** what is wrong with it: "must be a whole number"; of an unknown key the one that was probably meant, or '' */
  reason: string;
}

/** `/applications/0/memory`: a JSON pointer. */
export const pointer = (path: Path): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** `applications[0].memory` */
export const fieldName = (path: Path): string =>
  path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('');

/** Collects problems; a reader that reports one returns undefined. */
export type Report = (problem: Problem) => undefined;
export type Read<T> = (value: unknown, at: Path, report: Report) => T | undefined;

export const invalid = (at: Path, report: Report, reason: string): undefined =>
  report({ path: at, kind: 'invalid', reason });

export type Mapping = Record<string, unknown>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text: Read<string> = (value, at, report) =>
  typeof value === 'string' ? value : invalid(at, report, 'must be text');

export const flag: Read<boolean> = (value, at, report) =>
  typeof value === 'boolean' ? value : invalid(at, report, 'must be true or false');

export const textWhere =
  (holds: (value: string) => boolean, reason: string): Read<string> =>
  (value, at, report) =>
    typeof value === 'string' && holds(value) ? value : invalid(at, report, reason);

export const oneOf = <T extends string>(...names: readonly T[]): Read<T> => {
  const reason = `must be one of ${names.join(', ')}`;
  return (value, at, report) => names.find((name) => name === value) ?? invalid(at, report, reason);
};

/** `null` is a value of its own: it takes a setting back. */
export const nullable =
  <T>(read: Read<T>): Read<T | null> =>
  (value, at, report) =>
    value === null ? null : read(value, at, report);

export const integer =
  (least: number, most: number): Read<number> =>
  (value, at, report) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value
      : invalid(at, report, `must be a whole number from ${least} to ${most}`);

export const list =
  <T>(read: Read<T>): Read<T[]> =>
  (value, at, report) => {
    if (!Array.isArray(value)) return invalid(at, report, 'must be a list');
    return value
      .map((entry, index) => read(entry, [...at, index], report))
      .filter((entry): entry is NonNullable<typeof entry> => entry !== undefined);
  };

/** Values become text: environment variables and labels. */
export const textMap: Read<Record<string, string>> = (value, at, report) => {
  if (!isMapping(value)) return invalid(at, report, 'must be a mapping of names to values');
  const entries = Object.entries(value).map(([name, entry]): [string, string] => {
    if (typeof entry === 'object' && entry !== null) {
      invalid([...at, name], report, 'must be text, a number or true or false');
    }
    return [name, entry === null || entry === undefined ? '' : String(entry)];
  });
  // fromEntries makes a name such as __proto__ an ordinary one
  return Object.fromEntries(entries);
};

/** Resources travel as 32-bit integers. */
export const MAX_INT32 = 2 ** 31 - 1;

/** A size with a unit ("64M", "1G"), in MB. */
export const megabytes: Read<number> = (value, at, report) => {
  if (typeof value !== 'string') return invalid(at, report, 'must be a size with a unit, such as 64M or 1G');
  const parsed = parseMegabytes(value);
  if (!parsed.ok) return invalid(at, report, parsed.error);
  return parsed.value <= MAX_INT32 ? parsed.value : invalid(at, report, 'must be at most 2047T');
};

const RATE = /^(\d+)(B|K|KB|M|MB|G|GB|T|TB)$/i;
const RATE_UNITS: Record<string, number> = { B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes per second with a unit ("16K"); -1 = no limit, 0 = nothing may be logged. */
export const logRate: Read<number> = (value, at, report) => {
  if (value === -1 || value === '-1') return -1;
  if (value === 0 || value === '0') return 0;
  const match = typeof value === 'string' ? RATE.exec(value) : null;
  const bytes = match ? Number(match[1]) * (RATE_UNITS[(match[2] ?? 'B').toUpperCase().charAt(0)] ?? 1) : NaN;
  return Number.isSafeInteger(bytes)
    ? bytes
    : invalid(at, report, 'must be -1, 0 or a size with a unit, such as 16K');
};

const HEALTH_CHECKS: Record<string, HealthCheckType> = {
  port: 'port',
  process: 'process',
  none: 'process',
  http: 'http',
};

/** `none` is an older name of `process`. */
export const healthCheckType: Read<HealthCheckType> = (value, at, report) =>
  (typeof value === 'string' ? HEALTH_CHECKS[value] : undefined) ??
  invalid(at, report, 'must be one of port, process, http');

/** How one key is read into a target. */
export type Field<T> = (target: T, value: unknown, at: Path, report: Report) => void;
export type Fields<T> = Record<string, Field<T>>;

export const into =
  <T, K extends keyof T>(
    key: K,
    read: Read<NonNullable<T[K]> | (null extends T[K] ? null : never)>,
  ): Field<T> =>
  (target, value, at, report) => {
    const result = read(value, at, report);
    if (result !== undefined) target[key] = result as T[K];
  };

/** Known, sent by clients, without meaning here. */
export const ignored: Field<unknown> = () => undefined;

/** Known to Cloud Foundry and not served here: only an empty value passes. */
export const unsupported =
  (reason: string): Field<unknown> =>
  (_target, value, at, report) => {
    const empty =
      value === null ||
      (Array.isArray(value) ? value.length === 0 : isMapping(value) && Object.keys(value).length === 0);
    if (!empty) report({ path: at, kind: 'unsupported', reason });
  };

/** Reads the known keys of a mapping and reports the others. */
export const readFields = <T>(
  target: T,
  value: unknown,
  options: { fields: Fields<T>; at: Path; report: Report },
): T => {
  const { fields, at, report } = options;
  if (!isMapping(value)) {
    invalid(at, report, 'must be a mapping of keys to values');
    return target;
  }
  for (const [key, entry] of Object.entries(value)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (field) field(target, entry, [...at, key], report);
    else report({ path: [...at, key], kind: 'unknown-key', reason: nearest(key, Object.keys(fields)) ?? '' });
  }
  return target;
};
