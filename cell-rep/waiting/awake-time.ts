import type { Clock } from '../../common/ports/clock.js';

/** A timer so long after its time says that this process slept, with its machine or alone. */
export const OVERSLEPT_MS = 2_000;

const TICK_MS = 1_000;

export interface AwakeTime {
  /** ms since the start, without what this process has slept */
  elapsed(): number;
  stop(): void;
}

/** Adds up short spans, of which one that took too long counts as one that did not. */
export const createAwakeTime = (clock: Clock): AwakeTime => {
  let counted = 0;
  let last = clock.monotonic();
  const elapsed = (): number => {
    const span = clock.monotonic() - last;
    last += span;
    counted += span > TICK_MS + OVERSLEPT_MS ? TICK_MS : span;
    return counted;
  };
  return { elapsed, stop: clock.every(TICK_MS, () => void elapsed()) };
};
