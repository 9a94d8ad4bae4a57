import fc from 'fast-check';
import type { ActualLrp, ActualLrpInstanceKey, ActualLrpKey, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { ActualLrpInfo, EventMessages } from '../../common/wire/event-messages.js';
import { int32, mixed, nanoseconds, record, text } from './wire-arbitrary-parts.js';

interface Parts {
  desiredLrp: fc.Arbitrary<DesiredLrp>;
  actualLrp: fc.Arbitrary<ActualLrp>;
  actualLrpInfo: fc.Arbitrary<ActualLrpInfo>;
  key: { [K in keyof ActualLrpKey]: fc.Arbitrary<ActualLrpKey[K]> };
  instanceKey: { [K in keyof ActualLrpInstanceKey]: fc.Arbitrary<ActualLrpInstanceKey[K]> };
  task: fc.Arbitrary<Task>;
}

/** Values of the messages of Diego's event streams. */
export const eventArbitraries = (
  parts: Parts,
): { readonly [N in keyof EventMessages]: fc.Arbitrary<EventMessages[N]> } => {
  const { desiredLrp, actualLrp, actualLrpInfo, key, instanceKey, task } = parts;
  const traceId = text;
  const desiredTold = record({ desiredLrp, traceId });
  const actualTold = record({ actualLrp, traceId });
  const group = mixed(fc.constant({}), { instance: actualLrp, evacuating: actualLrp });
  const groupTold = record({ actualLrpGroup: group });
  const keys = { ...key, ...instanceKey };
  return {
    EventsByCellId: record({ cellId: text }),
    DesiredLRPCreatedEvent: desiredTold,
    DesiredLRPChangedEvent: record({ before: desiredLrp, after: desiredLrp, traceId }),
    DesiredLRPRemovedEvent: desiredTold,
    ActualLRPInstanceCreatedEvent: actualTold,
    ActualLRPInstanceChangedEvent: record({ ...keys, before: actualLrpInfo, after: actualLrpInfo, traceId }),
    ActualLRPInstanceRemovedEvent: actualTold,
    ActualLRPCrashedEvent: record({ ...keys, crashCount: int32, crashReason: text, since: nanoseconds }),
    ActualLRPCreatedEvent: groupTold,
    ActualLRPChangedEvent: record({ before: group, after: group }),
    ActualLRPRemovedEvent: groupTold,
    TaskCreatedEvent: record({ task }),
    TaskChangedEvent: record({ before: task, after: task }),
    TaskRemovedEvent: record({ task }),
  };
};
