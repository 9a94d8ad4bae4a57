import type { BbsEvent } from '../../common/model/events.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import { decode } from '../../common/wire/codec.js';
import { bbsEventSubject } from '../../common/wire/subjects.js';
import { lrpKey, taskKey } from '../bridge/seek.js';
import type { Demand } from '../core/demand.js';

/** What tells that somebody has it, or that nobody wants it any more. */
const KINDS = [
  'actual_lrp_instance_changed',
  'actual_lrp_instance_removed',
  'task_changed',
  'task_removed',
] as const;

/** undefined: it goes on waiting */
const servedBy = (event: BbsEvent): string | undefined => {
  switch (event.kind) {
    case 'actual_lrp_instance_changed':
      return event.after.state === 'UNCLAIMED'
        ? undefined
        : lrpKey(event.after.processGuid, event.after.index);
    case 'actual_lrp_instance_removed':
      return lrpKey(event.actualLrp.processGuid, event.actualLrp.index);
    case 'task_changed':
      return event.after.state === 'Pending' ? undefined : taskKey(event.after.taskGuid);
    case 'task_removed':
      return taskKey(event.task.taskGuid);
    default:
      return undefined;
  }
};

/** Hears of work that waits no longer, whoever has it. While nothing waits, nothing is read. */
export const subscribeDemand = (bus: Bus, demand: Demand, onDemand: () => void): Cancel => {
  const hear = (payload: Uint8Array): void => {
    if (demand.size() === 0) return;
    const event = decode('BbsEvent', payload);
    const key = event.ok ? servedBy(event.value) : undefined;
    if (key === undefined) return;
    const before = demand.size();
    demand.served(key);
    if (demand.size() < before) onDemand();
  };
  const cancels = KINDS.map((kind) => bus.subscribe(bbsEventSubject(kind), ({ payload }) => hear(payload)));
  return () => cancels.forEach((cancel) => cancel());
};
