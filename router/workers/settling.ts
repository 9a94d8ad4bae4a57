/** How far each worker is with the steps that all must take. */
export interface Settling {
  /** from now on it counts; it has taken none */
  join(worker: number): void;
  reached(worker: number, at: number): void;
  /** it has gone, and with it whatever it might have done */
  leave(worker: number): void;
  /** `done` at once when all are there, and when nobody counts */
  wait(upTo: number, done: () => void): void;
}

export const createSettling = (): Settling => {
  const reachedBy = new Map<number, number>();
  /** in the order of their numbers: those are given out rising */
  let waiting: { upTo: number; done: () => void }[] = [];

  const all = (): number => Math.min(...reachedBy.values());

  const look = (): void => {
    const at = all();
    const ready = waiting.filter(({ upTo }) => upTo <= at);
    if (ready.length === 0) return;
    waiting = waiting.filter(({ upTo }) => upTo > at);
    for (const { done } of ready) done();
  };

  return {
    join: (worker) => void reachedBy.set(worker, -1),
    reached(worker, at) {
      reachedBy.set(worker, Math.max(at, reachedBy.get(worker) ?? -1));
      look();
    },
    leave(worker) {
      reachedBy.delete(worker);
      look();
    },
    wait(upTo, done) {
      waiting.push({ upTo, done });
      look();
    },
  };
};
