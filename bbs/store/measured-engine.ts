import type { Clock } from '../../common/ports/clock.js';
import type { CommitOutcome, OpenedStore, StoreEngine } from '../../common/store/engine.js';

export interface MeasuredEngineOptions {
  clock: Clock;
  /** a commit begins; what is returned is told of its end */
  storing(): (stored: boolean, ms: number) => void;
}

/** The same store, whose commits are measured. */
export const measureEngine = (
  engine: StoreEngine,
  { clock, storing }: MeasuredEngineOptions,
): StoreEngine => {
  const commit = async (
    opened: OpenedStore,
    batch: Parameters<OpenedStore['commit']>[0],
  ): Promise<CommitOutcome> => {
    const [ended, from] = [storing(), clock.monotonic()];
    let stored = false;
    try {
      const outcome = await opened.commit(batch);
      stored = outcome.ok;
      return outcome;
    } finally {
      ended(stored, clock.monotonic() - from);
    }
  };

  return {
    async open(schema) {
      const opened = await engine.open(schema);
      return {
        epoch: opened.epoch,
        sequence: opened.sequence,
        rows: () => opened.rows(),
        commit: (batch) => commit(opened, batch),
        readSequence: () => opened.readSequence(),
        close: () => opened.close(),
      };
    },
  };
};
