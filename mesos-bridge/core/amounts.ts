import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { RangeShape, ResourceShape } from './resource-shape.js';

/** Whole thousandths of a unit: Mesos compares and adds scalars in fixed point of three decimals. */
export type Milli = number;

/** Both ends belong to it. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

/** How much of a resource there is. Ranges are ascending, apart and not adjacent; items ascend. */
export type Amount =
  | { readonly type: 'SCALAR'; readonly milli: Milli }
  | { readonly type: 'RANGES'; readonly ranges: readonly Range[] }
  | { readonly type: 'SET'; readonly items: readonly string[] };

/** As C's llround: half away from zero. */
export const toMilli = (value: number): Milli => Math.sign(value) * Math.round(Math.abs(value) * 1000) + 0;

export const fromMilli = (milli: Milli): number => milli / 1000;

const coalesced = (ranges: readonly Range[]): Range[] => {
  const joined: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.begin - b.begin)) {
    const last = joined.at(-1);
    if (last !== undefined && range.begin <= last.end + 1) {
      joined[joined.length - 1] = { begin: last.begin, end: Math.max(last.end, range.end) };
    } else joined.push(range);
  }
  return joined;
};

const withoutRange = (ranges: readonly Range[], { begin, end }: Range): Range[] =>
  ranges.flatMap((range) => {
    if (range.end < begin || range.begin > end) return [range];
    const left = range.begin < begin ? [{ begin: range.begin, end: begin - 1 }] : [];
    return range.end > end ? [...left, { begin: end + 1, end: range.end }] : left;
  });

const coversRange = (ranges: readonly Range[], { begin, end }: Range): boolean =>
  ranges.some((range) => range.begin <= begin && end <= range.end);

/** How many numbers are in them. */
export const sizeOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { begin, end }) => sum + end - begin + 1, 0);

/** The lowest `count` numbers, or fewer where there are fewer. */
export const lowest = (ranges: readonly Range[], count: number): Range[] => {
  const taken: Range[] = [];
  let left = count;
  for (const { begin, end } of ranges) {
    if (left <= 0) break;
    const last = Math.min(end, begin + left - 1);
    taken.push({ begin, end: last });
    left -= last - begin + 1;
  }
  return taken;
};

/** Each number in them, ascending. */
export const numbersIn = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, at) => begin + at));

export const isNothing = (amount: Amount): boolean => {
  if (amount.type === 'SCALAR') return amount.milli === 0;
  return (amount.type === 'RANGES' ? amount.ranges : amount.items).length === 0;
};

/** The two together, of one type: numbers and items in both are there once. */
export const addAmounts = (left: Amount, right: Amount): Amount => {
  if (left.type === 'SCALAR' && right.type === 'SCALAR')
    return { type: 'SCALAR', milli: left.milli + right.milli };
  if (left.type === 'RANGES' && right.type === 'RANGES')
    return { type: 'RANGES', ranges: coalesced([...left.ranges, ...right.ranges]) };
  if (left.type === 'SET' && right.type === 'SET')
    return { type: 'SET', items: [...new Set([...left.items, ...right.items])].toSorted() };
  throw new RangeError(`a ${left.type} cannot be added to a ${right.type}`);
};

/** What of `from` is left without `what`, of one type and contained in it. */
export const subtractAmounts = (from: Amount, what: Amount): Amount => {
  if (from.type === 'SCALAR' && what.type === 'SCALAR')
    return { type: 'SCALAR', milli: from.milli - what.milli };
  if (from.type === 'RANGES' && what.type === 'RANGES')
    return { type: 'RANGES', ranges: what.ranges.reduce(withoutRange, [...from.ranges]) };
  if (from.type === 'SET' && what.type === 'SET')
    return { type: 'SET', items: from.items.filter((item) => !what.items.includes(item)) };
  throw new RangeError(`a ${what.type} cannot be subtracted from a ${from.type}`);
};

export const containsAmount = (whole: Amount, part: Amount): boolean => {
  if (whole.type === 'SCALAR' && part.type === 'SCALAR') return whole.milli >= part.milli;
  if (whole.type === 'RANGES' && part.type === 'RANGES')
    return part.ranges.every((range) => coversRange(whole.ranges, range));
  return (
    whole.type === 'SET' && part.type === 'SET' && part.items.every((item) => whole.items.includes(item))
  );
};

/** In the writing of Mesos: `1.5`, `[31000-32000, 33000-33000]`, `{a, b}`. */
export const amountText = (amount: Amount): string => {
  if (amount.type === 'SCALAR') return String(fromMilli(amount.milli));
  if (amount.type === 'SET') return `{${amount.items.join(', ')}}`;
  return `[${amount.ranges.map(({ begin, end }) => `${begin}-${end}`).join(', ')}]`;
};

/** A scalar that is no amount, in Mesos's words. Exactly 0 is nothing, and legal. */
const readScalar = (value: number | undefined): Result<Amount, string> => {
  if (value === undefined || Number.isNaN(value)) return err('Invalid scalar resource: no value');
  const milli = toMilli(value);
  if (value < 0 || (value !== 0 && milli === 0)) return err('Invalid scalar resource: value <= 0');
  if (!Number.isSafeInteger(milli)) return err('Invalid scalar resource: value is too large');
  return ok({ type: 'SCALAR', milli });
};

const rangeProblem = (ranges: readonly Range[]): string | undefined => {
  if (
    !ranges.every(({ begin, end }) => Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0)
  )
    return 'Invalid ranges resource: not whole numbers';
  if (ranges.some(({ begin, end }) => begin > end)) return 'Invalid ranges resource: begin > end';
  const ordered = ranges.toSorted((a, b) => a.begin - b.begin);
  return ordered.some(({ begin }, at) => at > 0 && begin <= (ordered[at - 1]?.end ?? -1))
    ? 'Invalid ranges resource: overlapping ranges'
    : undefined;
};

const readRanges = (shapes: readonly RangeShape[] | undefined): Result<Amount, string> => {
  if (shapes === undefined) return err('Invalid ranges resource: no ranges');
  const ranges = shapes.map(({ begin, end }) => ({ begin: Number(begin), end: Number(end) }));
  const problem = rangeProblem(ranges);
  return problem === undefined ? ok({ type: 'RANGES', ranges: coalesced(ranges) }) : err(problem);
};

const readSet = (items: readonly string[] | undefined): Result<Amount, string> => {
  if (items === undefined) return err('Invalid set resource: no items');
  return new Set(items).size === items.length
    ? ok({ type: 'SET', items: items.toSorted() })
    : err('Invalid set resource: duplicated elements');
};

/** How much of it there is, or why that is no amount. */
export const readAmount = (shape: ResourceShape): Result<Amount, string> => {
  if (shape.type === 'SCALAR') return readScalar(shape.scalar?.value);
  if (shape.type === 'RANGES') return readRanges(shape.ranges?.range);
  if (shape.type === 'SET') return readSet(shape.set?.item);
  return err('Unsupported resource type');
};

export interface AmountFields {
  readonly scalar?: { value: number };
  readonly ranges?: { range: { begin: bigint; end: bigint }[] };
  readonly set?: { item: string[] };
}

export const amountFields = (amount: Amount): AmountFields => {
  if (amount.type === 'SCALAR') return { scalar: { value: fromMilli(amount.milli) } };
  if (amount.type === 'SET') return { set: { item: [...amount.items] } };
  return {
    ranges: { range: amount.ranges.map(({ begin, end }) => ({ begin: BigInt(begin), end: BigInt(end) })) },
  };
};
