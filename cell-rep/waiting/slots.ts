/** Runs at most `most` jobs at once; the others wait in order. */
export type Slots = <T>(job: () => Promise<T>) => Promise<T>;

export const createSlots = (most: number): Slots => {
  const waiting: (() => void)[] = [];
  let busy = 0;

  const enter = (): Promise<void> => {
    if (busy < most) {
      busy += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => void waiting.push(resolve));
  };

  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next();
  };

  return async (job) => {
    await enter();
    try {
      return await job();
    } finally {
      leave();
    }
  };
};
