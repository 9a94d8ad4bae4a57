/** Why something keeps failing, as far as it has been told: what is tried again for ever is not told for ever. */
export interface ToldCauses {
  /** whether it is to be told: once, until all is well again */
  isNew(cause: string): boolean;
  /** it has succeeded: what fails from now on is told again. Whether anything had been told. */
  clear(): boolean;
}

/** Causes may carry numbers that differ each time. */
const MOST_TOLD = 1_000;

export const createToldCauses = (): ToldCauses => {
  const told = new Set<string>();
  return {
    isNew(cause) {
      if (told.has(cause) || told.size >= MOST_TOLD) return false;
      told.add(cause);
      return true;
    },
    clear() {
      const any = told.size > 0;
      told.clear();
      return any;
    },
  };
};
