import {
  type Mapping,
  type Path,
  type Read,
  type Report,
  invalid,
  isMapping,
} from '../../common/model/read.js';

/** Readers of objects in somebody else's names: each key into a field of our own. Keys that are not read are passed over. */

type ReadKey<T> = (mapping: Mapping, at: Path, report: Report) => T | undefined;

/** One that must be there. */
export const key =
  <T>(name: string, read: Read<T>): ReadKey<T> =>
  (mapping, at, report) =>
    Object.hasOwn(mapping, name)
      ? read(mapping[name], [...at, name], report)
      : invalid([...at, name], report, 'is missing');

/** One that may be absent, or null. */
export const optional =
  <T>(name: string, read: Read<T>, absent: T): ReadKey<T> =>
  (mapping, at, report) => {
    const value = Object.hasOwn(mapping, name) ? mapping[name] : null;
    return value === null ? absent : read(value, [...at, name], report);
  };

export const object =
  <T extends object>(keys: { readonly [K in keyof T]: ReadKey<T[K]> }): Read<T> =>
  (value, at, report) => {
    if (!isMapping(value)) return invalid(at, report, 'must be an object');
    const fields = Object.entries<ReadKey<unknown>>(keys).map(
      ([field, read]) => [field, read(value, at, report)] as const,
    );
    return fields.some(([, entry]) => entry === undefined) ? undefined : (Object.fromEntries(fields) as T);
  };

/** An object with any keys. */
export const mapOf =
  <T>(read: Read<T>): Read<Map<string, T>> =>
  (value, at, report) => {
    if (!isMapping(value)) return invalid(at, report, 'must be an object');
    const entries = Object.entries(value).map(
      ([name, entry]) => [name, read(entry, [...at, name], report)] as const,
    );
    return new Map(entries.filter((entry): entry is readonly [string, T] => entry[1] !== undefined));
  };

/** Whether the number makes sense is for the core to say, which leaves out what does not, with its reason. */
export const number: Read<number> = (value, at, report) =>
  typeof value === 'number' ? value : invalid(at, report, 'must be a number');

/** Go writes null for a list without elements. */
export const orNone =
  <T>(read: Read<T[]>): Read<T[]> =>
  (value, at, report) =>
    value === null ? [] : read(value, at, report);

export const anything: Read<unknown> = (value) => value ?? null;
