import type { CellState } from '../../common/model/cell.js';
import type { Bid, BidOptions, BidParts } from './bid.js';
import { bidOf } from './bid.js';
import { cellIdOf } from './cell-id.js';
import type { Rejection } from './offer-rules.js';

/** Where the parts of a bid come from. */
export interface BidSources {
  /** agents that have offers, executors or tasks */
  readonly agents: () => Iterable<string>;
  /** why that agent takes no work just now: looked at for every agent each time */
  readonly closed: (agentId: string, now: number) => Rejection | undefined;
  readonly parts: (agentId: string, closed: Rejection | undefined) => BidParts;
}

/** What has changed of all bids since a version. */
export interface BidChanges {
  /** as it was asked; 0 = these are all bids, since what was told then is not known any more */
  readonly since: number;
  /** of now */
  readonly version: number;
  /** in order of cell ids */
  readonly states: readonly CellState[];
  /** cell ids of those that are there no more */
  readonly gone: readonly string[];
}

/** The bids of all agents: made anew only where something has changed. */
export interface Bids {
  /** something of that agent has changed */
  touch(agentId: string): void;
  of(agentId: string, now: number): Bid;
  all(now: number): Bid[];
  /** of all of them; 0 = since ever */
  changes(since: number, now: number): BidChanges;
  /** rises with every bid that is made or goes: no other of the same bridge has a version of before */
  version(): number;
}

/** Agents that are remembered after they have gone. */
const MOST_GONE = 20_000;

interface Made {
  readonly bid: Bid;
  readonly closed: string;
}

const byCellId = (one: CellState, other: CellState): number => (one.cellId < other.cellId ? -1 : 1);

/** When agents have gone, as far as it is remembered. */
const createGone = (firstVersion: number) => {
  /** by cell id, the longest gone first */
  const versions = new Map<string, number>();
  /** of before it is not known who has gone since */
  let floor = firstVersion;
  return {
    goes(cellId: string, version: number): void {
      versions.delete(cellId);
      versions.set(cellId, version);
      const [oldest] = versions;
      if (versions.size <= MOST_GONE || oldest === undefined) return;
      versions.delete(oldest[0]);
      floor = oldest[1];
    },
    comes: (cellId: string): void => void versions.delete(cellId),
    isKnown: (since: number): boolean => since > 0 && since >= floor,
    after: (since: number): string[] =>
      [...versions].flatMap(([cellId, version]) => (version > since ? cellId : [])),
  };
};

/** `firstVersion`: above all that the same bridge has told before. */
export const createBids = (sources: BidSources, options: BidOptions, firstVersion = 1): Bids => {
  const made = new Map<string, Made>();
  const touched = new Set<string>();
  const gone = createGone(firstVersion);
  /** agents, as of the last look at all */
  let listed: ReadonlySet<string> = new Set();
  /** one counter for all: the version of each rises, also when it comes back */
  let version = firstVersion;

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

  const forget = (agentId: string): void => {
    made.delete(agentId);
    touched.delete(agentId);
  };

  const all = (now: number): Bid[] => {
    const agents = new Set(sources.agents());
    for (const agentId of touched) if (!agents.has(agentId)) forget(agentId);
    for (const agentId of agents) if (!listed.has(agentId)) gone.comes(cellIdOf(agentId));
    for (const agentId of listed) {
      if (agents.has(agentId)) continue;
      forget(agentId);
      version += 1;
      gone.goes(cellIdOf(agentId), version);
    }
    listed = agents;
    return [...agents].map((agentId) => of(agentId, now));
  };

  return {
    touch: (agentId) => void touched.add(agentId),
    of,
    all,
    changes(since, now) {
      const states = all(now).map(({ state }) => state);
      if (!gone.isKnown(since) || since > version)
        return { since: 0, version, states: states.sort(byCellId), gone: [] };
      const changed = states.filter((state) => state.version > since).sort(byCellId);
      return { since, version, states: changed, gone: gone.after(since) };
    },
    version: () => version,
  };
};
