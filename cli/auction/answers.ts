/** What the API answers to questions about auctions. */
export interface BatchSummary {
  id: string;
  /** ms since the epoch */
  at: number;
  cells: number;
  auctions: number;
  placed: number;
  refused: number;
  failed: number;
  unknown: number;
  states_ms: number;
  decide_ms: number;
  commit_ms: number;
}

export interface Batches {
  recording: boolean;
  /** newest first */
  batches: BatchSummary[];
  more_batches: number;
  dropped: number;
}

export interface Standing {
  cells: number;
  rootfs: number;
  volume_drivers: number;
  placement_tags: number;
  short_of_containers: number;
  short_of_cpu: number;
  short_of_disk: number;
  short_of_memory: number;
  room: number;
}

export interface Explanation {
  text: string;
  state: 'unheard' | 'waiting' | 'placed' | 'refused' | 'failed' | 'unknown';
  id: string;
  batch_id: string;
  at: number;
  cell_id: string;
  retried: boolean;
  instances: number;
  instances_placed: number;
  standing?: Standing | null;
  zones: { zone: string; instances: number; standing: Standing }[];
  more_zones: number;
  best: { cell_id: string; zone: string; score: string }[];
  would_fit: string[];
  excluded: { cell_id: string; reason: string }[];
  more_excluded: number;
}

export interface Replay {
  state: 'same' | 'different';
  id: string;
  at: number;
  placements: number;
  failures: number;
  sha256: string;
  replayed_sha256: string;
  differences: { line: number; recorded: string; replayed: string }[];
  more_differences: number;
}

export interface Tally {
  instances: number;
  placed: number;
}

export interface WhatIf {
  cells: number;
  silent: string[];
  more_silent: number;
  removed: string[];
  more_removed: number;
  added: number;
  moved: Tally;
  waiting: Tally;
  zones: { zone: string; cells: number; placed: number }[];
  more_zones: number;
  places: { cell_id: string; zone: string; placed: number; memory_mb: number; disk_mb: number }[];
  more_places: number;
  without_place: { id: string; instances: number; reason: string; waits: boolean }[];
  more_without_place: number;
  lost_tasks: string[];
  more_lost_tasks: number;
}
