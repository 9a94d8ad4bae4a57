import fc from 'fast-check';

export const text = fc.string({ unit: 'binary', maxLength: 12 });
export const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
export const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
export const uint64 = fc.maxSafeNat();
export const int64 = fc.maxSafeInteger();
/** any double that a 64-bit integer of nanoseconds can be */
export const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 62n }).map(Number);
export const bool = fc.boolean();

export const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 3 });
export const texts = list(text);
export const map = <T>(value: fc.Arbitrary<T>, minKeys = 0): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(text, value, { minKeys, maxKeys: minKeys + 2, noNullPrototype: true });

/** Some of the optional fields beside all of the required ones. */
export const mixed = <R extends object, O extends object>(
  required: fc.Arbitrary<R>,
  optional: { [K in keyof O]: fc.Arbitrary<O[K]> },
): fc.Arbitrary<R & Partial<O>> =>
  fc
    .tuple(required, fc.record(optional, { requiredKeys: [], noNullPrototype: true }))
    .map(([all, some]) => ({ ...all, ...some }) as R & Partial<O>);

export const record = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
