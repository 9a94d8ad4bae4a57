import type { LrpStart, LrpWork, Sought, TaskStart, TaskWork } from '../../common/model/auction.js';
import { WAITS_FOR_OFFERS } from '../../common/model/deferral.js';
import type { Demand } from '../core/demand.js';
import type { NeedOptions } from '../core/needs.js';
import { needOf } from '../core/needs.js';

export interface SeekOptions extends NeedOptions {
  /** ms for which work waits before it is refused; it is sought all the same */
  readonly timeoutMs: number;
  /** whether it has a place, but does not run yet */
  isUnderWay(work: LrpWork | TaskWork): boolean;
}

/** What found no place anywhere. */
export interface Unplaced {
  readonly lrps: readonly LrpStart[];
  readonly tasks: readonly TaskStart[];
}

/** Under which work waits: the same for every attempt. */
export const lrpKey = (processGuid: string, index: number): string => `lrp ${processGuid}.${index}`;
export const taskKey = (taskGuid: string): string => `task ${taskGuid}`;

export const keyOf = (work: LrpWork | TaskWork): string =>
  'taskGuid' in work ? taskKey(work.taskGuid) : lrpKey(work.processGuid, work.index);

function* worksIn({ lrps, tasks }: Unplaced): Generator<LrpWork | TaskWork> {
  for (const { instances, ...request } of lrps)
    for (const instance of instances) yield { ...request, ...instance };
  yield* tasks;
}

/** Notes what waits, and says of each for how long it may go on waiting: longer than that is a failure, and told as one. */
export const seekPlaces = (demand: Demand, wanted: Unplaced, now: number, options: SeekOptions): Sought[] => {
  const [underWay, deferred, refused]: [string[], string[], string[]] = [[], [], []];
  for (const work of worksIn(wanted)) {
    if (options.isUnderWay(work)) {
      underWay.push(work.placementId);
      continue;
    }
    const { since } = demand.waits(keyOf(work), needOf(work, options), now);
    (now - since < options.timeoutMs ? deferred : refused).push(work.placementId);
  }
  const sought: Sought[] = [
    { status: 'accepted', reason: '', placementIds: underWay },
    { status: 'deferred', reason: WAITS_FOR_OFFERS, placementIds: deferred },
    {
      status: 'refused',
      reason: `no usable Mesos offer in ${Math.round(options.timeoutMs / 1000)} s`,
      placementIds: refused,
    },
  ];
  return sought.filter(({ placementIds }) => placementIds.length > 0);
};
