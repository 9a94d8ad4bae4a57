import type { Refusal } from '../bids.js';
import type { Matcher } from './offers.js';
import type { Wanted } from './search.js';

/** A request that may find no place. */
export interface Asking extends Wanted {
  readonly kind: 'lrp' | 'task';
}

/** What is known of work of one kind that matches the same cells. */
interface Known {
  /** asked for the least that found no place */
  refused: Wanted | undefined;
  /** by what was asked, as the cells are now */
  readonly reasons: Map<string, Refusal>;
}

/** Remembers, while a batch lasts, what has found no place, and why. */
export interface Refused {
  /** what asks for as much in vain: cells only lose room while a batch lasts */
  isKnown(wanted: Asking): boolean;
  add(wanted: Asking): void;
  /** the reason, made only when a cell has changed since the same was asked */
  reasonOf(wanted: Asking, make: () => Refusal): Refusal;
  /** a cell has lost room */
  cellChanged(): void;
}

const asksAsMuch = (wanted: Wanted, other: Wanted): boolean =>
  wanted.memory >= other.memory && wanted.disk >= other.disk && wanted.cpu >= other.cpu;

export const createRefused = (): Refused => {
  const byKind = { lrp: new Map<Matcher, Known>(), task: new Map<Matcher, Known>() };
  /** those with reasons */
  const explained = new Set<Known>();

  const knownOf = ({ kind, matcher }: Asking): Known => {
    const known = byKind[kind].get(matcher) ?? { refused: undefined, reasons: new Map<string, Refusal>() };
    byKind[kind].set(matcher, known);
    return known;
  };

  return {
    isKnown(wanted) {
      const known = byKind[wanted.kind].get(wanted.matcher);
      return known?.refused !== undefined && asksAsMuch(wanted, known.refused);
    },
    add(wanted) {
      knownOf(wanted).refused = wanted;
    },
    reasonOf(wanted, make) {
      const known = knownOf(wanted);
      const key = `${wanted.memory} ${wanted.disk} ${wanted.cpu}`;
      const reason = known.reasons.get(key) ?? make();
      known.reasons.set(key, reason);
      explained.add(known);
      return reason;
    },
    cellChanged() {
      if (explained.size === 0) return;
      for (const { reasons } of explained) reasons.clear();
      explained.clear();
    },
  };
};
