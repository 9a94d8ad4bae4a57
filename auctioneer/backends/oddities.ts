import type { Logger } from '../../common/ports/logger.js';

/** What is wrong with what cells say: counted by cause, and told now and then rather than each time. */
export interface Oddities {
  note(reason: string, example: string): void;
  /** tells of each cause that was met since */
  tell(): void;
}

export const createOddities = (logger: Logger): Oddities => {
  const met = new Map<string, { count: number; example: string }>();
  return {
    note(reason, example) {
      const known = met.get(reason);
      if (known === undefined) met.set(reason, { count: 1, example });
      else known.count += 1;
    },
    tell() {
      for (const [reason, { count, example }] of met)
        logger.warn('ignored-cell-state', { reason, count, example });
      met.clear();
    },
  };
};
