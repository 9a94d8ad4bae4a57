import type { ActualLrp, ActualLrpInstanceKey, ActualLrpKey, DesiredLrp, Nanoseconds } from './lrp.js';
import type { Task } from './task.js';

/** Every change of state at the BBS. `kind` is Diego's event name and the last token of `bbs.event.<kind>`. */
export type BbsEvent =
  | { kind: 'desired_lrp_created'; traceId: string; desiredLrp: DesiredLrp }
  | { kind: 'desired_lrp_changed'; traceId: string; before: DesiredLrp; after: DesiredLrp }
  | { kind: 'desired_lrp_removed'; traceId: string; desiredLrp: DesiredLrp }
  | { kind: 'actual_lrp_instance_created'; traceId: string; actualLrp: ActualLrp }
  | { kind: 'actual_lrp_instance_changed'; traceId: string; before: ActualLrp; after: ActualLrp }
  | { kind: 'actual_lrp_instance_removed'; traceId: string; actualLrp: ActualLrp }
  | ({
      kind: 'actual_lrp_crashed';
      traceId: string;
      crashCount: number;
      crashReason: string;
      since: Nanoseconds;
    } & ActualLrpKey &
      ActualLrpInstanceKey)
  | { kind: 'task_created'; traceId: string; task: Task }
  | { kind: 'task_changed'; traceId: string; before: Task; after: Task }
  | { kind: 'task_removed'; traceId: string; task: Task }
  | { kind: 'cell_appeared'; traceId: string; cellId: string }
  | { kind: 'cell_disappeared'; traceId: string; cellId: string };

export type BbsEventKind = BbsEvent['kind'];
