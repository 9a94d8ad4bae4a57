import type { Cancel } from '../../../common/ports/clock.js';

/** Who says which master leads. */
export interface Masters {
  /** The next one to try, as `host:port`; undefined: none is known, wait to be told. */
  next(): string | undefined;
  /** Told when another one leads than before, or none. */
  onChange(listener: () => void): Cancel;
  /** why none is known, in words; '' = one is */
  trouble(): string;
  close(): Promise<void>;
}

/** A list of masters, tried in turn: whoever does not lead sends on to the leader, or refuses. */
export const listOfMasters = (masters: readonly string[]): Masters => {
  let at = 0;
  return {
    next() {
      const master = masters[at % masters.length];
      at += 1;
      return master;
    },
    onChange: () => () => undefined,
    trouble: () => '',
    close: async () => undefined,
  };
};
