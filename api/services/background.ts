import type { Logger } from '../../common/ports/logger.js';

/** Work that goes on after its request has been answered. */
export interface Background {
  run(name: string, work: () => Promise<void>): void;
  /** resolves when all of it has ended */
  idle(): Promise<void>;
}

export const createBackground = (logger: Logger): Background => {
  const running = new Set<Promise<void>>();
  return {
    run(name, work) {
      const done = work()
        .catch((error: unknown) => logger.error('background-work-failed', { name, error }))
        .finally(() => void running.delete(done));
      running.add(done);
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
};
