/** What people ask about auctions, and what the auctioneer answers. Lists are bounded; `more…` says how many were left out. */

/** `auction.batches`: the latest batches. */
export interface BatchesQuery {
  traceId: string;
  limit: number;
}

/** One recorded batch. Durations in ms. */
export interface BatchSummary {
  /** the trace id under which it is in the logs */
  id: string;
  /** ms since the epoch at which it was decided */
  at: number;
  cells: number;
  auctions: number;
  placed: number;
  /** by their cells, after the decision; those go into a following batch, at most twice */
  refused: number;
  /** no place was found */
  failed: number;
  /** whether the cell took it is not known */
  unknown: number;
  statesMs: number;
  decideMs: number;
  commitMs: number;
}

export interface Batches {
  /** whether batches are recorded at all */
  recording: boolean;
  /** newest first */
  batches: BatchSummary[];
  moreBatches: number;
  /** recorded and dropped again, for want of room */
  dropped: number;
}

/** `auction.explain`: what became of this auction, and why? */
export interface ExplainQuery {
  traceId: string;
  /** `process_guid.index`, a process guid or a task guid */
  id: string;
  /** its reason alone is wanted */
  brief: boolean;
}

/** `unheard`: in no batch that is recorded; `waiting`: goes into the next one */
export type AuctionState = 'unheard' | 'waiting' | 'placed' | 'refused' | 'failed' | 'unknown';

/** How cells stood to an auction at the moment at which it was decided. */
export interface CellsStanding {
  /** that bid */
  cells: number;
  /** that dropped out, by the stage at which they did */
  rootfs: number;
  volumeDrivers: number;
  placementTags: number;
  /** that match and are short of something; one may be short of several */
  shortOfContainers: number;
  shortOfCpu: number;
  shortOfDisk: number;
  shortOfMemory: number;
  /** that match and have room */
  room: number;
}

export interface ZoneOfAuction {
  zone: string;
  /** instances of the same process there */
  instances: number;
  standing: CellsStanding;
}

export interface BidOfAuction {
  cellId: string;
  zone: string;
  /** a decimal number; lower is better */
  score: string;
}

export interface ExcludedCell {
  cellId: string;
  reason: string;
}

export interface Explanation {
  /** why it has no place, with the cell that came nearest; '' when it has one, or nothing is known of it */
  text: string;
  state: AuctionState;
  /** whether batches are recorded at all */
  recording: boolean;
  /** the auction that is explained; of a process's, one without a place first */
  id: string;
  batchId: string;
  /** ms since the epoch */
  at: number;
  /** where it was placed, or tried to be */
  cellId: string;
  /** refused by its cell, and in a following batch again */
  retried: boolean;
  /** auctions of the same process in that batch */
  instances: number;
  /** of those, how many got a place */
  instancesPlaced: number;
  /** absent when it was in no batch, or only the reason was wanted */
  standing?: CellsStanding;
  zones: ZoneOfAuction[];
  moreZones: number;
  /** of the cells with room the best ones */
  best: BidOfAuction[];
  /** what would have to change, the least change first, in words */
  wouldFit: string[];
  /** cells that took no part, and why */
  excluded: ExcludedCell[];
  moreExcluded: number;
}

/** `auction.replay`: is this batch decided in the same way again? */
export interface ReplayQuery {
  traceId: string;
  /** its id, or the beginning of it */
  batch: string;
}

export type ReplayState = 'no_such_batch' | 'ambiguous' | 'same' | 'different';

/** One line of a decision, as recorded and as decided again; '' where there is none. */
export interface DecisionDifference {
  /** from 1 */
  line: number;
  recorded: string;
  replayed: string;
}

export interface Replay {
  state: ReplayState;
  recording: boolean;
  id: string;
  /** ms since the epoch */
  at: number;
  placements: number;
  failures: number;
  /** of the decision's lines */
  sha256: string;
  replayedSha256: string;
  differences: DecisionDifference[];
  moreDifferences: number;
  /** ids that begin so, when several do */
  candidates: string[];
}

/** Cells that are not there. MB. */
export interface AddedCells {
  count: number;
  memoryMb: number;
  diskMb: number;
  /** '' = as most cells */
  zone: string;
}

/** `auction.what-if`: what would become of the work if these cells went, or came? Nothing is changed. */
export interface WhatIfQuery {
  traceId: string;
  drain: string[];
  loseZones: string[];
  add: AddedCells[];
}

export interface Tally {
  instances: number;
  placed: number;
}

export interface ZoneAfter {
  zone: string;
  /** that there would be */
  cells: number;
  placed: number;
}

/** A cell that would be given work, and what it would have left. */
export interface CellAfter {
  cellId: string;
  zone: string;
  placed: number;
  memoryMb: number;
  diskMb: number;
}

/** Auctions of one process, or one task, that would find no place for one reason. */
export interface WithoutPlace {
  /** process guid or task guid */
  id: string;
  instances: number;
  /** with the cell that comes nearest */
  reason: string;
  /** it has no place now either */
  waits: boolean;
}

export interface WhatIf {
  /** why there is no answer; '' when there is one */
  problem: string;
  /** ids that were named and are not known */
  unknownCells: string[];
  unknownZones: string[];
  /** the cells, or zones, that are known, when some were not */
  known: string[];
  moreKnown: number;
  /** cells that answered, before anything goes or comes */
  cells: number;
  /** present, but without a state: no work can be placed there */
  silent: string[];
  moreSilent: number;
  removed: string[];
  moreRemoved: number;
  added: number;
  /** instances on the removed cells */
  moved: Tally;
  /** instances and tasks that wait for a place now; looked at only when cells are added */
  waiting: Tally;
  zones: ZoneAfter[];
  moreZones: number;
  places: CellAfter[];
  morePlaces: number;
  withoutPlace: WithoutPlace[];
  moreWithoutPlace: number;
  /** tasks that run on the removed cells: they would fail, and are never run again */
  lostTasks: string[];
  moreLostTasks: number;
}
