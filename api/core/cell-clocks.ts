import type { LogBatch } from '../../common/model/logs.js';

/**
 * Cells' clocks against our own: readers of logs take times for an order, and one whose newest line comes from a clock
 * that is a minute ahead would wait a minute for everybody else's.
 */
export interface CellClocks {
  /** the batch with its lines' times by our clock; `now` in ns */
  byOurs(batch: LogBatch, now: bigint): LogBatch;
}

/** ns by which clocks may differ, and lines be late, without readers missing any */
const TOLERANCE = 1_000_000_000n;
/** Messages that are looked at: one may be late, but none is ever early. */
const LAST_MESSAGES = 8;
/** The quietest is forgotten. */
const MOST_CELLS = 10_000;

interface CellClock {
  /** ns from sending by its clock to arrival by ours, of the last messages */
  recent: bigint[];
  /** ns; kept while it is about right, so that a line that is told again has the same time again */
  behind: bigint;
}

const smallest = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b < a ? b : a));

const isFar = (a: bigint, b: bigint): boolean => a - b > TOLERANCE || b - a > TOLERANCE;

export const createCellClocks = (): CellClocks => {
  // insertion order = order of the last message
  const clocks = new Map<string, CellClock>();

  const clockOf = (cellId: string): CellClock => {
    const clock = clocks.get(cellId) ?? { recent: [], behind: 0n };
    clocks.delete(cellId);
    clocks.set(cellId, clock);
    const [quietest] = clocks.keys();
    if (clocks.size > MOST_CELLS && quietest !== undefined) clocks.delete(quietest);
    return clock;
  };

  const behind = ({ sender }: LogBatch, now: bigint): bigint => {
    if (sender === undefined) return 0n;
    const clock = clockOf(sender.cellId);
    clock.recent = [...clock.recent.slice(1 - LAST_MESSAGES), now - BigInt(sender.sentAt)];
    const shown = smallest(clock.recent);
    if (isFar(shown, clock.behind)) clock.behind = shown;
    return clock.behind;
  };

  return {
    byOurs(batch, now) {
      const shift = behind(batch, now);
      const ours = (timestamp: bigint): bigint => {
        const shifted = timestamp + shift;
        // a clock that has just been set back leaves times that are still to come
        return shifted > now + TOLERANCE ? now : shifted;
      };
      const lines = batch.lines.map((line) => ({ ...line, timestamp: String(ours(BigInt(line.timestamp))) }));
      return { ...batch, lines };
    },
  };
};
