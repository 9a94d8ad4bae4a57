import fc from 'fast-check';
import t from 'tap';
import { pdqsort } from '../../../auctioneer/core/pdqsort.js';

const sorted = (keys: readonly number[]): { key: number; at: number }[] => {
  const items = keys.map((key, at) => ({ key, at }));
  pdqsort({
    length: items.length,
    isLess: (one, other) => items[one]!.key < items[other]!.key,
    swap: (one, other) => ([items[one], items[other]] = [items[other]!, items[one]!]),
  });
  return items;
};

/** Long enough for every way it has: insertion, repair, turning round, breaking patterns, a heap. */
const keys = fc.oneof(
  fc.array(fc.nat(3), { maxLength: 200, size: 'max' }),
  fc.array(fc.nat(), { maxLength: 400, size: 'max' }),
  fc.integer({ min: 0, max: 300 }).map((length) => Array.from({ length }, (_, at) => at)),
  fc.integer({ min: 0, max: 300 }).map((length) => Array.from({ length }, (_, at) => -at)),
  fc
    .integer({ min: 0, max: 300 })
    .map((length) => Array.from({ length }, (_, at) => Math.min(at, length - at))),
  fc.integer({ min: 13, max: 300 }).map((length) => [...Array.from({ length }, (_, at) => at), 3, 1, 2]),
);

t.test('pdqsort - what comes out is sorted, and is what went in', async () => {
  fc.assert(
    fc.property(keys, (given) => {
      const result = sorted(given);
      const isSorted = result.every(({ key }, at) => at === 0 || result[at - 1]!.key <= key);
      return isSorted && new Set(result.map(({ at }) => at)).size === given.length;
    }),
    { numRuns: 500 },
  );
});

t.test('pdqsort - up to twelve elements equals stay as they are', async (t) => {
  const result = sorted([2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
  t.same(
    result.map(({ at }) => at),
    [1, 3, 5, 7, 9, 11, 0, 2, 4, 6, 8, 10],
  );
});
