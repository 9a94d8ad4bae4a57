import type { CellState } from '../../common/model/cell.js';
import type { Bid, BidOptions, BidParts } from './bid.js';
import { bidOf } from './bid.js';
import type { Rejection } from './offer-rules.js';

/** Where the parts of a bid come from. */
export interface BidSources {
  /** agents that have offers, executors or tasks */
  readonly agents: () => Iterable<string>;
  /** why that agent takes no work just now: looked at for every agent each time */
  readonly closed: (agentId: string, now: number) => Rejection | undefined;
  readonly parts: (agentId: string, closed: Rejection | undefined) => BidParts;
}

/** The bids of all agents: made anew only where something has changed. */
export interface Bids {
  /** something of that agent has changed */
  touch(agentId: string): void;
  of(agentId: string, now: number): Bid;
  states(now: number): CellState[];
  all(now: number): Bid[];
}

interface Made {
  readonly bid: Bid;
  readonly closed: string;
}

export const createBids = (sources: BidSources, options: BidOptions): Bids => {
  const made = new Map<string, Made>();
  const touched = new Set<string>();
  /** one counter for all: the version of each rises, also when it comes back */
  let version = 0;

  const of = (agentId: string, now: number): Bid => {
    const closed = sources.closed(agentId, now);
    const known = made.get(agentId);
    if (known !== undefined && !touched.has(agentId) && known.closed === (closed?.reason ?? ''))
      return known.bid;
    touched.delete(agentId);
    version += 1;
    const bid = bidOf(sources.parts(agentId, closed), options, version);
    made.set(agentId, { bid, closed: closed?.reason ?? '' });
    return bid;
  };

  const all = (now: number): Bid[] => {
    const agents = new Set(sources.agents());
    for (const agentId of touched) {
      if (agents.has(agentId)) continue;
      made.delete(agentId);
      touched.delete(agentId);
    }
    return [...agents].map((agentId) => of(agentId, now));
  };

  return {
    touch: (agentId) => void touched.add(agentId),
    of,
    all,
    states: (now) => all(now).map(({ state }) => state),
  };
};
