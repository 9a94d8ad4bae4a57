import type { LrpStart, TaskStart } from '../../common/model/auction.js';
import { err, ok } from '../../common/model/result.js';
import type { BbsError, BbsErrorType, BbsResult } from '../../common/model/bbs-error.js';
import type { BbsEvent } from '../../common/model/events.js';
import type {
  ActualLrp,
  ActualLrpInternalRoute,
  ActualLrpKey,
  DesiredLrp,
  Nanoseconds,
} from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';

/** What a decision may know besides the rows it decides on. */
export interface Context {
  now: Nanoseconds;
  /** ns since the epoch by a clock that is never set back: what destroys when it is over lasts by this one */
  steadyNow: Nanoseconds;
  newGuid(): string;
  traceId: string;
}

/** Changes of rows, applied in order within one commit. */
export type Change =
  | { table: 'desired_lrps'; put: DesiredLrp }
  | { table: 'desired_lrps'; remove: DesiredLrp }
  | { table: 'actual_lrps'; put: ActualLrp }
  | { table: 'actual_lrps'; remove: ActualLrp }
  | { table: 'tasks'; put: Task }
  | { table: 'tasks'; remove: Task }
  | { table: 'domains'; put: DomainRow }
  | { table: 'domains'; remove: DomainRow }
  | { table: 'leases'; put: LeaseRow }
  | { table: 'kv'; put: KvRow };

export interface DomainRow {
  name: string;
  /** ns since the epoch, steady; 0 = for ever */
  expiresAt: Nanoseconds;
  /** s that it was given */
  ttlSeconds: number;
}

/**
 * Who holds a name. How long still is not kept: a lease that was held when the store was opened is
 * held for one more TTL at least (design §8.6).
 */
export interface LeaseRow {
  name: string;
  /** '' = nobody; the row stays for its epoch */
  owner: string;
  value: string;
  ttlMs: number;
  /** +1 with every new holder */
  epoch: number;
}

export interface KvRow {
  key: string;
  value: string;
  version: number;
}

/** A message that goes out once the decision is durable. None of them is awaited by the caller. */
export type Effect =
  | { kind: 'auction-lrps'; start: LrpStart }
  /** `counted`: a rejection that follows is one of the task's rejections (design §8.2) */
  | { kind: 'auction-task'; start: TaskStart; counted: boolean }
  | { kind: 'stop'; cellId: string; key: ActualLrpKey; instanceGuid: string }
  | { kind: 'cancel'; cellId: string; taskGuid: string }
  | {
      kind: 'update';
      cellId: string;
      key: ActualLrpKey;
      instanceGuid: string;
      internalRoutes: ActualLrpInternalRoute[];
      metricTags: Record<string, string>;
    }
  /** a task that has a completion callback is Completed: whoever wanted it is to be told */
  | { kind: 'callback'; taskGuid: string }
  /** a desired index was left without a row */
  | { kind: 'converge'; processGuid: string; index: number };

export interface Decision<T = void> {
  value: T;
  changes: Change[];
  events: BbsEvent[];
  effects: Effect[];
}

export type Decided<T = void> = BbsResult<Decision<T>>;

export const decision = <T>(value: T, parts: Partial<Omit<Decision<T>, 'value'>> = {}): Decision<T> => ({
  value,
  changes: parts.changes ?? [],
  events: parts.events ?? [],
  effects: parts.effects ?? [],
});

export const decided = <T>(value: T, parts: Partial<Omit<Decision<T>, 'value'>> = {}): Decided<T> =>
  ok(decision(value, parts));

/** A request that is right and changes nothing. */
export const nothing = (): Decided => decided(undefined);

/** Diego's standard messages by type (bbs models, errors). */
const MESSAGES: Partial<Record<BbsErrorType, string>> = {
  UnknownError: 'the request failed for an unknown reason',
  InvalidRequest: 'the request received is invalid',
  ResourceConflict: 'the requested resource is in a conflicting state',
  ResourceExists: 'the requested resource already exists',
  ResourceNotFound: 'the requested resource could not be found',
  ActualLRPCannotBeClaimed: 'cannot claim actual LRP',
  ActualLRPCannotBeStarted: 'cannot start actual LRP',
  ActualLRPCannotBeCrashed: 'cannot crash actual LRP',
  ActualLRPCannotBeFailed: 'cannot fail actual LRP',
  ActualLRPCannotBeRemoved: 'cannot remove actual LRP',
  ActualLRPCannotBeUnclaimed: 'cannot unclaim actual LRP',
};

export const bbsError = (type: BbsErrorType, message: string = MESSAGES[type] ?? type): BbsError => ({
  type,
  message,
});

export const refused = (type: BbsErrorType, message?: string) => err(bbsError(type, message));
