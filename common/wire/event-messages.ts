import type {
  ActualLrp,
  ActualLrpGroup,
  ActualLrpInstanceKey,
  ActualLrpKey,
  DesiredLrp,
} from '../model/lrp.js';
import type { Task } from '../model/task.js';

/** An actual LRP as an event tells of a change: its keys stand beside it, and it says nothing of tags and internal routes. */
export type ActualLrpInfo = Omit<
  ActualLrp,
  keyof ActualLrpKey | keyof ActualLrpInstanceKey | 'internalRoutes' | 'metricTags'
>;

interface DesiredLrpTold {
  desiredLrp: DesiredLrp;
  traceId: string;
}

interface ActualLrpTold {
  actualLrp: ActualLrp;
  traceId: string;
}

/** What Diego's event streams carry, and what their subscribers ask for. */
export interface EventMessages {
  EventsByCellId: { cellId: string };
  DesiredLRPCreatedEvent: DesiredLrpTold;
  DesiredLRPChangedEvent: { before: DesiredLrp; after: DesiredLrp; traceId: string };
  DesiredLRPRemovedEvent: DesiredLrpTold;
  ActualLRPInstanceCreatedEvent: ActualLrpTold;
  ActualLRPInstanceChangedEvent: ActualLrpKey &
    ActualLrpInstanceKey & { before: ActualLrpInfo; after: ActualLrpInfo; traceId: string };
  ActualLRPInstanceRemovedEvent: ActualLrpTold;
  ActualLRPCrashedEvent: ActualLrpKey &
    ActualLrpInstanceKey & { crashCount: number; crashReason: string; since: number };
  ActualLRPCreatedEvent: { actualLrpGroup: ActualLrpGroup };
  ActualLRPChangedEvent: { before: ActualLrpGroup; after: ActualLrpGroup };
  ActualLRPRemovedEvent: { actualLrpGroup: ActualLrpGroup };
  TaskCreatedEvent: { task: Task };
  TaskChangedEvent: { before: Task; after: Task };
  TaskRemovedEvent: { task: Task };
}
