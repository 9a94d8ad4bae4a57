/** Requests per second, averaged over 1, 5 and 15 minutes as load averages are. */
export interface Rate {
  /** `count` so far, at `now` ms of a monotonic clock */
  mark(count: number, now: number): void;
  readonly averages: readonly number[];
}

const WINDOWS_S = [60, 300, 900];

export const createRate = (): Rate => {
  const averages = WINDOWS_S.map(() => 0);
  let last: { count: number; at: number } | undefined;
  return {
    mark(count, now) {
      const seconds = last ? (now - last.at) / 1000 : 0;
      if (last && seconds <= 0) return;
      const current = last ? (count - last.count) / seconds : 0;
      for (const [at, window] of WINDOWS_S.entries()) {
        const keep = Math.exp(-seconds / window);
        averages[at] = (averages[at] ?? 0) * keep + current * (1 - keep);
      }
      last = { count, at: now };
    },
    averages,
  };
};
