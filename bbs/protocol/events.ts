/** Events as Diego's streams carry them: one of its messages each, in base64. */
import type { ActualLrp } from '../../common/model/lrp.js';
import { encode, toJson } from '../../common/wire/codec.js';
import type { BbsEvent } from '../../common/model/events.js';
import { taskV2 } from '../core/downgrade.js';
import { desiredLrpV0 } from '../core/downgrade-v0.js';
import { hasInstance } from '../core/rows.js';
import { resolved } from '../core/groups.js';
import type { GroupEvent, LrpEvent, TaskEvent } from '../core/groups.js';
import { positionText } from './stream-position.js';
import type { StreamPosition } from './stream-position.js';

/** `r1`: as it is stored; `r0`: as clients of the streams' first revision know it. */
export type StreamForm = 'r0' | 'r1';

/** An event that Diego has: all but those of cells. */
export type DiegoEvent = LrpEvent | GroupEvent | TaskEvent;

/** The instance that a change is of: the one it has, else the one it had (bbs models, events). */
const changedInstance = (before: ActualLrp, after: ActualLrp): ActualLrp =>
  hasInstance(after) ? after : before;

const changedMessage = (traceId: string, before: ActualLrp, after: ActualLrp): Uint8Array => {
  const { processGuid, index, domain } = after;
  const { instanceGuid, cellId } = changedInstance(before, after);
  const keys = { processGuid, index, domain, instanceGuid, cellId };
  return encode('ActualLRPInstanceChangedEvent', { ...keys, before, after, traceId });
};

/** The protobuf message of an event. */
const messageOf = (event: DiegoEvent): Uint8Array => {
  switch (event.kind) {
    case 'desired_lrp_created':
      return encode('DesiredLRPCreatedEvent', event);
    case 'desired_lrp_changed':
      return encode('DesiredLRPChangedEvent', event);
    case 'desired_lrp_removed':
      return encode('DesiredLRPRemovedEvent', event);
    case 'actual_lrp_instance_created':
      return encode('ActualLRPInstanceCreatedEvent', event);
    case 'actual_lrp_instance_changed':
      return changedMessage(event.traceId, event.before, event.after);
    case 'actual_lrp_instance_removed':
      return encode('ActualLRPInstanceRemovedEvent', event);
    case 'actual_lrp_crashed':
      return encode('ActualLRPCrashedEvent', event);
    case 'actual_lrp_created':
      return encode('ActualLRPCreatedEvent', event);
    case 'actual_lrp_changed':
      return encode('ActualLRPChangedEvent', event);
    case 'actual_lrp_removed':
      return encode('ActualLRPRemovedEvent', event);
    case 'task_created':
      return encode('TaskCreatedEvent', event);
    case 'task_changed':
      return encode('TaskChangedEvent', event);
    case 'task_removed':
      return encode('TaskRemovedEvent', event);
  }
};

/** The event as a stream's first revision has it; the same object where the revisions do not differ. */
const downgraded = (event: DiegoEvent): DiegoEvent => {
  switch (event.kind) {
    case 'desired_lrp_created':
    case 'desired_lrp_removed':
      return { ...event, desiredLrp: desiredLrpV0(event.desiredLrp) };
    case 'desired_lrp_changed':
      return { ...event, before: desiredLrpV0(event.before), after: desiredLrpV0(event.after) };
    case 'task_created':
    case 'task_removed':
      return { ...event, task: taskV2(event.task) };
    case 'task_changed':
      return { ...event, before: taskV2(event.before), after: taskV2(event.after) };
    default:
      return event;
  }
};

/** Whether the two revisions of the streams have different messages for the event. */
export const differsByForm = ({ kind }: DiegoEvent): boolean => /^(desired_lrp|task)_/.test(kind);

/**
 * The lines of a server-sent event but for its id. Frames are Latin-1: one character is one byte on the wire, so that
 * their lengths need no counting.
 */
export const diegoFrame = (event: DiegoEvent, form: StreamForm): string => {
  const message = messageOf(form === 'r0' ? downgraded(event) : event);
  return `event: ${event.kind}\ndata: ${Buffer.from(message).toString('base64')}\n\n`;
};

/** An event as our own stream has it, its id included; the bytes of its UTF-8 as Latin-1. */
export const outcryFrame = (position: StreamPosition, event: BbsEvent): string => {
  const data = JSON.stringify(toJson('BbsEvent', event));
  const text = `id: ${positionText(position)}\nevent: ${event.kind}\ndata: ${data}\n\n`;
  return Buffer.from(text, 'utf8').toString('latin1');
};

/** The domain that it is of; undefined of cells, which are everybody's. */
export const domainOf = (event: BbsEvent): string | undefined => {
  switch (event.kind) {
    case 'desired_lrp_created':
    case 'desired_lrp_removed':
      return event.desiredLrp.domain;
    case 'actual_lrp_instance_created':
    case 'actual_lrp_instance_removed':
      return event.actualLrp.domain;
    case 'desired_lrp_changed':
    case 'actual_lrp_instance_changed':
    case 'task_changed':
      return event.after.domain;
    case 'actual_lrp_crashed':
      return event.domain;
    case 'task_created':
    case 'task_removed':
      return event.task.domain;
    case 'cell_appeared':
    case 'cell_disappeared':
      return undefined;
  }
};

/** Cells that an event is of, for subscribers who want those of one alone; undefined where everybody hears it. */
export const cellsOf = (event: DiegoEvent): readonly string[] | undefined => {
  switch (event.kind) {
    case 'actual_lrp_instance_created':
    case 'actual_lrp_instance_removed':
      return [event.actualLrp.cellId];
    case 'actual_lrp_instance_changed':
      return [changedInstance(event.before, event.after).cellId];
    case 'actual_lrp_crashed':
      return [event.cellId];
    case 'actual_lrp_created':
    case 'actual_lrp_removed':
      return [resolved(event.actualLrpGroup)?.cellId ?? ''];
    case 'actual_lrp_changed':
      return [resolved(event.before)?.cellId ?? '', resolved(event.after)?.cellId ?? ''];
    default:
      return undefined;
  }
};
