import type { CellState } from '../../../common/model/cell.js';
import { column } from './column.js';
import type { Offers } from './offers.js';

/** Sizes so near each other that the smallest cell's share of a request is as good a bound as each cell's own. */
export const NEARLY = 1.02;

/** Bits of the number that each of the two sizes gives. */
const BITS = 8;
const STEPS = 2 ** BITS - 1;

/** Of the cells of one offer: the smallest and the largest of one size. MB. */
interface Range {
  least: number;
  most: number;
}

const rangesOf = (sizes: Uint32Array, { ofCell, count }: Offers): Range[] => {
  const ranges = Array.from({ length: count }, (): Range => ({ least: Infinity, most: 0 }));
  for (let number = 0; number < sizes.length; number += 1) {
    const range = ranges[ofCell[number]!]!;
    range.least = Math.min(range.least, sizes[number]!);
    range.most = Math.max(range.most, sizes[number]!);
  }
  return ranges;
};

/** Where a size lies in its range, by ratio: 0…STEPS. */
const stepOf = (size: number, { least, most }: Range): number =>
  Math.round((STEPS * Math.log(size / least)) / Math.log(most / least));

/** The bits of a number with a zero before each. */
const spreadBits = (step: number): number => {
  let bits = 0;
  for (let bit = 0; bit < BITS; bit += 1) bits |= ((step >> bit) & 1) << (2 * bit);
  return bits;
};

const SPREAD = Uint32Array.from({ length: STEPS + 1 }, (_, step) => spreadBits(step));

/** Of each cell, where its size lies among the sizes of its offer; 0 where those are nearly the same. */
const stepsOf = (sizes: Uint32Array, offers: Offers): Uint32Array => {
  const ranges = rangesOf(sizes, offers);
  const steps = new Uint32Array(sizes.length);
  for (let number = 0; number < sizes.length; number += 1) {
    const range = ranges[offers.ofCell[number]!]!;
    if (range.most > range.least * NEARLY) steps[number] = SPREAD[stepOf(sizes[number]!, range)]!;
  }
  return steps;
};

/**
 * Of each cell, a number that takes turns between the bits of its memory and of its disk (Morton's order): cells in a
 * range of such numbers are of about one size in both.
 */
export const shapesOf = (states: readonly CellState[], offers: Offers): Uint32Array => {
  const memory = stepsOf(
    column(states, ({ total }) => total.memoryMb),
    offers,
  );
  const disk = stepsOf(
    column(states, ({ total }) => total.diskMb),
    offers,
  );
  for (let number = 0; number < memory.length; number += 1)
    memory[number] = 2 * memory[number]! + disk[number]!;
  return memory;
};
