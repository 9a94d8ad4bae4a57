const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;

/** Stable counting sort of `items` by one 16-bit digit of their keys. */
const sortByDigit = (items: Uint32Array, keys: Uint32Array, shift: number): Uint32Array => {
  const starts = new Uint32Array(DIGITS + 1);
  for (const item of items) starts[(((keys[item] ?? 0) >>> shift) % DIGITS) + 1]! += 1;
  for (let digit = 0; digit < DIGITS; digit += 1) starts[digit + 1]! += starts[digit]!;
  const sorted = new Uint32Array(items.length);
  for (const item of items) {
    const digit = ((keys[item] ?? 0) >>> shift) % DIGITS;
    sorted[starts[digit]!++] = item;
  }
  return sorted;
};

/** Few are sorted by comparing: the counting sort's tables alone would cost more. */
const FEW = 5_000;

/** `items` in a new order: stable, ascending by key. Keys are whole numbers of 0…2^32 − 1. */
export const sortByKey = (items: Uint32Array, keys: Uint32Array): Uint32Array => {
  if (items.length < FEW) return items.slice().sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
  // digits that all have alike change nothing
  let [all, any] = [~0, 0];
  for (const item of items) {
    all &= keys[item] ?? 0;
    any |= keys[item] ?? 0;
  }
  const differing = (all ^ any) >>> 0;
  const low = differing % DIGITS === 0 ? items.slice() : sortByDigit(items, keys, 0);
  return differing < DIGITS ? low : sortByDigit(low, keys, DIGIT_BITS);
};
