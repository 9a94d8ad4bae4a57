/** Runs `work` after all that was given for the same key before, however that ended; different keys at once. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Nothing is kept of a key whose work is done. */
export const createTurns = (): Turns => {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    last.set(key, mine);
    const forget = (): void => {
      if (last.get(key) === mine) last.delete(key);
    };
    mine.then(forget, forget);
    return mine;
  };
};
