/**
 * Pattern-defeating quicksort (Orson Peters, 2021) with the constants and the choice of pivots of Go's sort package from
 * 1.19 to 1.23. It is not stable: what it makes of equal elements depends on every step, and that is what it is here for.
 * Diego sorts by it, and `compat: diego` decides in Diego's order.
 */

/** Elements by their position. */
export interface Sortable {
  readonly length: number;
  isLess(one: number, other: number): boolean;
  swap(one: number, other: number): void;
}

/** Ranges up to this length are sorted by insertion. */
const SHORT = 12;
/** Ranges from this length on take the pivot from nine elements instead of three, and are repaired where nearly sorted. */
const LONG = 50;
/** Pairs out of order that are repaired before a range counts as not nearly sorted. */
const REPAIRS = 5;
/** Comparisons by which a pivot is chosen of nine elements: when all were the wrong way round, the range descends. */
const NINTHER_SWAPS = 12;

interface Range {
  from: number;
  to: number;
}

const sortByInsertion = (data: Sortable, { from, to }: Range): void => {
  for (let next = from + 1; next < to; next += 1)
    for (let at = next; at > from && data.isLess(at, at - 1); at -= 1) data.swap(at, at - 1);
};

/** Lets the element at `root` sink to its place in the heap that lies in `range`. */
const sink = (data: Sortable, { from, to }: Range, root: number): void => {
  const count = to - from;
  for (let parent = root, child = 2 * root + 1; child < count; child = 2 * parent + 1) {
    const right = child + 1;
    const larger = right < count && data.isLess(from + child, from + right) ? right : child;
    if (!data.isLess(from + parent, from + larger)) return;
    data.swap(from + parent, from + larger);
    parent = larger;
  }
};

const sortByHeap = (data: Sortable, range: Range): void => {
  const { from, to } = range;
  for (let root = Math.floor((to - from - 1) / 2); root >= 0; root -= 1) sink(data, range, root);
  for (let end = to - 1; end >= from; end -= 1) {
    data.swap(from, end);
    sink(data, { from, to: end }, 0);
  }
};

const reverse = (data: Sortable, { from, to }: Range): void => {
  for (let low = from, high = to - 1; low < high; low += 1, high -= 1) data.swap(low, high);
};

const MASK = (1n << 64n) - 1n;

/** An xorshift with Marsaglia's shifts for 32 bits on 64, as Go had it: chance that is the same every time. */
const createXorshift = (seed: number): (() => bigint) => {
  let state = BigInt(seed);
  return () => {
    state ^= (state << 13n) & MASK;
    state ^= state >> 17n;
    state ^= (state << 5n) & MASK;
    return state;
  };
};

const bitLength = (count: number): number => 32 - Math.clz32(count);

/** Scatters three elements around the middle, where pivots come from. */
const breakPatterns = (data: Sortable, { from, to }: Range): void => {
  const length = to - from;
  const next = createXorshift(length);
  const modulus = 1n << BigInt(bitLength(length));
  const middle = from + Math.floor(length / 4) * 2;
  for (const at of [middle - 1, middle, middle + 1]) {
    const other = Number(next() & (modulus - 1n));
    data.swap(at, from + (other >= length ? other - length : other));
  }
};

/** Finds medians, and counts how often elements stood the wrong way round. */
const createMedians = (data: Sortable) => {
  let swaps = 0;
  const ordered = (one: number, other: number): [number, number] => {
    if (!data.isLess(other, one)) return [one, other];
    swaps += 1;
    return [other, one];
  };
  const median = (one: number, two: number, three: number): number => {
    const [low, high] = ordered(one, two);
    const [middle] = ordered(high, three);
    return ordered(low, middle)[1];
  };
  return { median, around: (at: number) => median(at - 1, at, at + 1), swaps: () => swaps };
};

interface Pivot {
  at: number;
  /** what the elements looked at let guess of the range */
  looks: 'ascending' | 'descending' | 'unsorted';
}

/** Of a range longer than SHORT. */
const choosePivot = (data: Sortable, { from, to }: Range): Pivot => {
  const quarter = Math.floor((to - from) / 4);
  const medians = createMedians(data);
  const [one, two, three] = [from + quarter, from + 2 * quarter, from + 3 * quarter];
  const at =
    to - from >= LONG
      ? medians.median(medians.around(one), medians.around(two), medians.around(three))
      : medians.median(one, two, three);
  const swaps = medians.swaps();
  if (swaps === 0) return { at, looks: 'ascending' };
  return { at, looks: swaps === NINTHER_SWAPS ? 'descending' : 'unsorted' };
};

/** Whether the range is sorted now. Gives up where much is to be repaired. */
const repair = (data: Sortable, { from, to }: Range): boolean => {
  let at = from + 1;
  for (let repairs = 0; repairs < REPAIRS; repairs += 1) {
    while (at < to && !data.isLess(at, at - 1)) at += 1;
    if (at === to) return true;
    if (to - from < LONG) return false;
    data.swap(at, at - 1);
    // as in Go, the smaller one may sink below the range: what is there is not larger
    if (at - from >= 2)
      for (let low = at - 1; low >= 1 && data.isLess(low, low - 1); low -= 1) data.swap(low, low - 1);
    if (to - at >= 2)
      for (let high = at + 1; high < to && data.isLess(high, high - 1); high += 1) data.swap(high, high - 1);
  }
  return false;
};

/** Puts what is less than the pivot before it. */
const partition = (data: Sortable, { from, to }: Range, pivot: number): { at: number; wasSo: boolean } => {
  data.swap(from, pivot);
  let [low, high, swaps] = [from + 1, to - 1, 0];
  for (;;) {
    while (low <= high && data.isLess(low, from)) low += 1;
    while (low <= high && !data.isLess(high, from)) high -= 1;
    if (low > high) break;
    data.swap(low, high);
    low += 1;
    high -= 1;
    swaps += 1;
  }
  data.swap(high, from);
  return { at: high, wasSo: swaps === 0 };
};

/** Of a range in which nothing is less than the pivot: puts what equals it first, and tells where the rest begins. */
const partitionEqual = (data: Sortable, { from, to }: Range, pivot: number): number => {
  data.swap(from, pivot);
  let [low, high] = [from + 1, to - 1];
  for (;;) {
    while (low <= high && !data.isLess(from, low)) low += 1;
    while (low <= high && data.isLess(from, high)) high -= 1;
    if (low > high) return low;
    data.swap(low, high);
    low += 1;
    high -= 1;
  }
};

/** A range that descends is turned round first. */
const ascendingPivot = (data: Sortable, range: Range): Pivot => {
  const pivot = choosePivot(data, range);
  if (pivot.looks !== 'descending') return pivot;
  reverse(data, range);
  return { at: range.to - 1 - (pivot.at - range.from), looks: 'ascending' };
};

/** `badChoices`: uneven partitions after which the rest is sorted by a heap. */
const sortRange = (data: Sortable, whole: Range, badChoices: number): void => {
  let [range, left] = [whole, badChoices];
  let [wasBalanced, wasPartitioned] = [true, true];
  for (;;) {
    const { from, to } = range;
    if (to - from <= SHORT) return sortByInsertion(data, range);
    if (left === 0) return sortByHeap(data, range);
    if (!wasBalanced) {
      breakPatterns(data, range);
      left -= 1;
    }
    const pivot = ascendingPivot(data, range);
    const mayBeSorted = wasBalanced && wasPartitioned && pivot.looks === 'ascending';
    if (mayBeSorted && repair(data, range)) return;
    if (from > 0 && !data.isLess(from - 1, pivot.at)) {
      range = { from: partitionEqual(data, range, pivot.at), to };
      continue;
    }
    const { at, wasSo } = partition(data, range, pivot.at);
    wasPartitioned = wasSo;
    const parts = [
      { from, to: at },
      { from: at + 1, to },
    ] as const;
    const [shorter, longer] = at - from < to - at ? parts : [parts[1], parts[0]];
    wasBalanced = Math.min(at - from, to - at) >= Math.floor((to - from) / 8);
    sortRange(data, shorter, left);
    range = longer;
  }
};

export const pdqsort = (data: Sortable): void =>
  sortRange(data, { from: 0, to: data.length }, bitLength(data.length));
