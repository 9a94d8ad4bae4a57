/** What becomes of statuses on their way, by chance: the same for the same seed. */
import type { Random } from '../../common/ports/random.js';
import type { Fate } from './lane.js';
import type { AgentMessage, MasterMessage } from './link.js';

/** Each between 0 and 1, together at most 1. */
export interface Chances {
  readonly drop: number;
  readonly double: number;
  /** after the one that follows it */
  readonly behind: number;
  readonly delay: number;
  /** ms; a delayed one waits between 0 and this */
  readonly longestDelayMs: number;
}

const draw = (random: Random, { drop, double, behind, delay, longestDelayMs }: Chances): Fate => {
  const drawn = random.fraction();
  if (drawn < drop) return 'drop';
  if (drawn < drop + double) return 'double';
  if (drawn < drop + double + behind) return 'behind';
  if (drawn < drop + double + behind + delay) return { delayMs: random.fraction() * longestDelayMs };
  return 'deliver';
};

/** For `faults.fromAgent` and `faults.toAgent`: statuses and their acknowledgements come again by themselves, all else must not be lost. */
export const createChanceFates =
  (random: Random, chances: Chances) =>
  (_agentId: string, { kind }: AgentMessage | MasterMessage): Fate =>
    kind === 'status-update' || kind === 'acknowledge' ? draw(random, chances) : 'deliver';
