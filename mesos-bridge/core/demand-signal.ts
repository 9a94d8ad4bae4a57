export interface SignalOptions {
  /** ms between two REVIVEs, at least: each one destroys all filters */
  readonly reviveIntervalMs: number;
  /**
   * the same while offers were used up, and work waits or would soon: what an ACCEPT left over comes back with the next
   * allocation only
   */
  readonly refillIntervalMs: number;
  /** ms after which a REVIVE is repeated once: it may have overtaken a DECLINE, and lost against its filter */
  readonly reviveRepeatMs: number;
  /** ms without demand after which offers are given back and the framework is suppressed */
  readonly lingerMs: number;
}

export const SIGNAL_DEFAULTS: SignalOptions = {
  reviveIntervalMs: 5_000,
  refillIntervalMs: 250,
  reviveRepeatMs: 5_000,
  lingerMs: 5_000,
};

export type Signal = 'suppress' | 'revive';

/** When to tell the master that offers are wanted, and when that they are not. */
export interface DemandSignal {
  /** how much waits for a place: 0 = nothing */
  wants(count: number, now: number): Signal[];
  /**
   * The master has forgotten what was said; `suppressed`: as what the framework subscribed. Offers are wanted for a
   * moment even without demand: they name the executors that live, of which nothing else may tell.
   */
  subscribed(suppressed: boolean, now: number): Signal[];
  /** offers are wanted now, whatever the master has been told */
  revive(now: number): Signal[];
  due(now: number): Signal[];
  /**
   * An ACCEPT with so many offers went out, and so many are held still: what it leaves of its offers is the master's
   * again. Offers are wanted even if nothing waits, and asked for when those that are left would not last for as many
   * ACCEPTs again as went out since the last REVIVE: work that finds none costs everybody more than a REVIVE.
   */
  spent(offers: { used: number; held: number }, now: number): void;
  /** ms, monotonic: when `due` has something to say; Infinity = not by time alone */
  nextDue(): number;
  /** there is demand, or was just before */
  isOpen(): boolean;
  isSuppressed(): boolean;
}

export const createDemandSignal = (options: SignalOptions): DemandSignal => {
  let wanted = 0;
  let open = false;
  let suppressed = true;
  /** offers, since the last REVIVE */
  let used = 0;
  let lastRevive = Number.NEGATIVE_INFINITY;
  let reviveAt = Infinity;
  let repeatAt = Infinity;
  let closeAt = Infinity;

  const plan = (now: number, intervalMs: number): void => {
    reviveAt = Math.min(reviveAt, Math.max(now, lastRevive + intervalMs));
  };

  const send = (now: number): Signal[] => {
    lastRevive = now;
    [suppressed, used] = [false, 0];
    reviveAt = Infinity;
    return ['revive'];
  };

  const close = (): Signal[] => {
    [open, reviveAt, repeatAt, closeAt] = [false, Infinity, Infinity, Infinity];
    if (suppressed) return [];
    suppressed = true;
    return ['suppress'];
  };

  const due = (now: number): Signal[] => {
    if (now >= closeAt) return close();
    if (now >= reviveAt) {
      repeatAt = now + options.reviveRepeatMs;
      return send(now);
    }
    if (now < repeatAt) return [];
    repeatAt = Infinity;
    return send(now);
  };

  return {
    wants(count, now) {
      const isMore = count > wanted;
      wanted = count;
      if (count === 0) {
        if (open && closeAt === Infinity) closeAt = now + options.lingerMs;
        return due(now);
      }
      open = true;
      closeAt = Infinity;
      // how often it is suppressed the time that it lingers limits
      if (used > 0 || suppressed) plan(now, options.refillIntervalMs);
      else if (isMore) plan(now, options.reviveIntervalMs);
      return due(now);
    },
    subscribed(asSuppressed, now) {
      suppressed = asSuppressed;
      [reviveAt, repeatAt, lastRevive] = [Infinity, Infinity, Number.NEGATIVE_INFINITY];
      if (!open) closeAt = now + options.lingerMs;
      open = true;
      // filters may have survived: they only go when the old stream was closed before
      plan(now, options.reviveIntervalMs);
      return due(now);
    },
    revive(now) {
      reviveAt = now;
      return due(now);
    },
    due,
    spent(offers, now) {
      used += offers.used;
      if (open && offers.held < used) plan(now, options.refillIntervalMs);
      if (closeAt !== Infinity) closeAt = now + options.lingerMs;
    },
    nextDue: () => Math.min(reviveAt, repeatAt, closeAt),
    isOpen: () => open,
    isSuppressed: () => suppressed,
  };
};
