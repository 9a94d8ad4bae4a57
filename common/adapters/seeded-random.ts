import type { Random } from '../ports/random.js';

/** One step of a Weyl sequence, mixed: small, fast, and the same on every machine. Not for secrets. */
const createFractions = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
};

/** The same sequence for the same seed: for tests and simulations, never for secrets that guard anything. */
export const createSeededRandom = (seed: number): Random => {
  const fraction = createFractions(seed);
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(fraction() * 16).toString(16)).join('');
  const variant = (): string => '89ab'.charAt(Math.floor(fraction() * 4));
  return {
    fraction,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${variant()}${hex(3)}-${hex(12)}`,
    secret: (bytes) => hex(bytes * 2),
  };
};
