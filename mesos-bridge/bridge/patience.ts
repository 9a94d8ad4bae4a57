import type { Clock } from '../../common/ports/clock.js';

export interface Patience {
  clock: Clock;
  /** nothing is tried any more once this is over */
  signal: AbortSignal;
}

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** Tries until there is an answer, each time after a longer pause; undefined: it is over. */
export const untilAnswered = async <T>(
  { clock, signal }: Patience,
  attempt: () => Promise<T | undefined>,
): Promise<T | undefined> => {
  for (let ms = FIRST_MS; !signal.aborted; ms = Math.min(ms * 2, LONGEST_MS)) {
    const answer = await attempt();
    if (answer !== undefined) return answer;
    await clock.sleep(ms);
  }
  return undefined;
};
