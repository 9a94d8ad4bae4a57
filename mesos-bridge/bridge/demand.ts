import type { LrpStart, Sought, TaskStart } from '../../common/model/auction.js';

/** What a place must have, as it was asked for. */
export type WantedPlace = Omit<LrpStart, 'instances'> | TaskStart;

/** One instance or task that has no place anywhere. */
export interface Want {
  readonly request: WantedPlace;
  readonly placementId: string;
  /** ms, monotonic: when it was first asked for */
  readonly since: number;
  /** … and last */
  readonly askedAt: number;
}

export interface DemandOptions {
  /** ms for which work waits before it is refused; it is sought all the same */
  readonly timeoutMs: number;
  /** ms after which what is not asked for again is no longer wanted */
  readonly forgetMs: number;
}

/** What waits for offers. The BBS asks again for what is still wanted, so that nothing has to be kept. */
export interface Demand {
  /** what becomes of each by placement id */
  seek(asked: { lrps: readonly LrpStart[]; tasks: readonly TaskStart[] }, now: number): Sought[];
  /** it has a place, or is no longer wanted */
  drop(key: string): void;
  /** drops what has not been asked for in a long time */
  forget(now: number): void;
  clear(): void;
  size(): number;
  /** ms for which the oldest has waited; 0 = nothing waits */
  waitedMs(now: number): number;
  all(): Iterable<Want>;
}

export const lrpKey = (processGuid: string, index: number): string => `lrp ${processGuid}.${index}`;
export const taskKey = (taskGuid: string): string => `task ${taskGuid}`;

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

const WAITS = 'waits for Mesos offers';

/** The instances and tasks of one question, each with its key. */
function* wantsIn(lrps: readonly LrpStart[], tasks: readonly TaskStart[]) {
  for (const { instances, ...request } of lrps)
    for (const { index, placementId } of instances)
      yield { key: lrpKey(request.processGuid, index), request, placementId };
  for (const request of tasks)
    yield { key: taskKey(request.taskGuid), request, placementId: request.placementId };
}

export const createDemand = ({ timeoutMs, forgetMs }: DemandOptions): Demand => {
  // in the order in which they were first asked for
  const wants = new Map<string, Want>();
  return {
    seek({ lrps, tasks }, now) {
      const [deferred, refused]: [string[], string[]] = [[], []];
      for (const { key, request, placementId } of wantsIn(lrps, tasks)) {
        const since = wants.get(key)?.since ?? now;
        wants.set(key, { request, placementId, since, askedAt: now });
        (now - since < timeoutMs ? deferred : refused).push(placementId);
      }
      const sought: Sought[] = [
        { status: 'deferred', reason: WAITS, placementIds: deferred },
        {
          status: 'refused',
          reason: `no usable Mesos offer in ${seconds(timeoutMs)}`,
          placementIds: refused,
        },
      ];
      return sought.filter(({ placementIds }) => placementIds.length > 0);
    },
    drop: (key) => void wants.delete(key),
    forget(now) {
      for (const [key, { askedAt }] of wants) if (now - askedAt >= forgetMs) wants.delete(key);
    },
    clear: () => wants.clear(),
    size: () => wants.size,
    waitedMs(now) {
      const [oldest] = wants.values();
      return oldest === undefined ? 0 : now - oldest.since;
    },
    all: () => wants.values(),
  };
};
