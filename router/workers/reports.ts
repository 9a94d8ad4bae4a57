import type { Clock } from '../../common/ports/clock.js';
import { createCounters } from '../proxy/counters.js';
import type { RouterCounters } from '../proxy/counters.js';
import type { Hand, Hands } from './hands.js';
import type { WorkerReport } from './messages.js';

/** ms that a worker may take to answer */
const REPORT_MS = 5_000;

/** Asks workers what they have done; who does not answer, or dies, is left out. */
export const createReports = (hands: Hands, clock: Clock): (() => Promise<WorkerReport[]>) => {
  let asks = 0;

  const askOne = (hand: Hand): Promise<WorkerReport | undefined> =>
    new Promise((resolve) => {
      const ask = (asks += 1);
      const answer = (report: WorkerReport | undefined): void => {
        cancel();
        hand.asked.delete(ask);
        resolve(report);
      };
      const cancel = clock.after(REPORT_MS, () => answer(undefined));
      hand.asked.set(ask, answer);
      hands.send(hand, { say: 'report', ask });
    });

  return async () => {
    const found = await Promise.all([...hands.all.values()].filter(({ begun }) => begun).map(askOne));
    return found.filter((report) => report !== undefined);
  };
};

export const sumCounters = (all: readonly RouterCounters[]): RouterCounters => {
  const total = createCounters();
  for (const one of all) {
    for (const name of Object.keys(total) as (keyof RouterCounters)[]) total[name] += one[name];
  }
  return total;
};
