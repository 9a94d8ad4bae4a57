import type { Nanoseconds } from './lrp.js';

/** What can happen to a process, to an instance of it, and to a task. */
export const HAPPENINGS = [
  'desired',
  'changed',
  'undesired',
  'waiting',
  'unplaced',
  'claimed',
  'running',
  'routable',
  'unroutable',
  'crashed',
  'suspect',
  'back',
  'evacuating',
  'removed',
  'submitted',
  'started',
  'rejected',
  'succeeded',
  'failed',
  'resolving',
] as const;

export type Happening = (typeof HAPPENINGS)[number];

/** One thing that happened, as the BBS has kept it. What does not apply is empty or 0. */
export interface HistoryEntry {
  /** rises with every entry */
  number: number;
  at: Nanoseconds;
  what: Happening;
  /** of the process or the task */
  guid: string;
  /** of the instance, the first of several; -1: the whole process, or a task */
  index: number;
  /** instances after it to which the same happened */
  more: number;
  instanceGuid: string;
  cellId: string;
  /** crashes, rejections, instances that are desired */
  count: number;
  /** in words for people */
  reason: string;
}

export interface HistoryQuery {
  /** of a process, a task or an instance */
  guid: string;
  /** of a process: what happened to this instance and to all of it; -1 = everything */
  index: number;
  /** the latest of them, at most so many; 0 = all */
  limit: number;
}
