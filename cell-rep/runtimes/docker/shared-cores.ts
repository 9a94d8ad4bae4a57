/** Keeps what asked for no cores off those that others have alone. */
import type { Logger } from '../../../common/ports/logger.js';
import type { ContainerLimits } from '../../core/container-runtime.js';
import { reasonOf } from './engine-error.js';

/** A container as it is moved between cores. */
export interface Movable {
  limits(): ContainerLimits;
  /** of each process that runs */
  moveTo(cores: string): Promise<void>;
}

export interface SharedCores {
  /** as a list; '' = any */
  current(): string;
  /** who has which has changed: resolves when all are where they may be */
  settle(): Promise<void>;
}

/** All that nobody has alone; where none is left, all: what is there must run somewhere. */
const sharedOf = (count: number, containers: readonly Movable[]): string => {
  const pinned = new Set(containers.flatMap((one) => one.limits().cpus?.pinned ?? []));
  const all = Array.from({ length: count }, (_, core) => core);
  const shared = all.filter((core) => !pinned.has(core));
  return (shared.length > 0 ? shared : all).join(',');
};

export const createSharedCores = (options: {
  /** how many the engine has; 0 = not known, or none are given out */
  count(): number;
  containers(): Movable[];
  logger: Logger;
}): SharedCores => {
  const { count, containers, logger } = options;
  let current = '';
  let moving = Promise.resolve();

  const move = async (): Promise<void> => {
    const to = current;
    for (const one of containers()) {
      if (to !== current) return; // another move waits, and goes over all of them
      if (one.limits().cpus !== undefined) continue;
      await one.moveTo(to).catch((error: unknown) => {
        logger.warn('cores-not-changed', { cores: to, reason: reasonOf(error) });
      });
    }
  };

  return {
    current: () => current,
    settle() {
      if (count() === 0) return moving;
      const next = sharedOf(count(), containers());
      if (next === current) return moving;
      current = next;
      moving = moving.then(move);
      return moving;
    },
  };
};
