import { parseExecutorId } from './executor-id.js';

const LIFE = /^([0-9a-z]+)-/;

/** A life that none has had; `now`: ms since the epoch, which its token's end is reckoned from. */
export const newLife = (now: number, unique: string): string => `${Math.floor(now).toString(36)}-${unique}`;

/** ms since the epoch at which that executor was launched; undefined for ids that no bridge has made. */
export const launchedAt = (executorId: string): number | undefined => {
  const [, digits] = LIFE.exec(parseExecutorId(executorId)?.life ?? '') ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 36);
};
