import { decode } from '../../common/wire/codec.js';
import type { WireMessages } from '../../common/wire/messages.js';
import { must } from './bbs.js';
import { isStream, readExchanges } from './golden-bbs.js';
import type { createComparison } from './golden-bbs.js';
import type { Exchange, RecordedEvent } from './golden-bbs.js';

/** Diego's event streams as they were recorded. */
export const recordedStreams = (): (Exchange & { events: RecordedEvent[] })[] =>
  readExchanges()
    .filter(isStream)
    .map((exchange) => ({ ...exchange, events: exchange.response.events ?? [] }));

type Comparison = ReturnType<typeof createComparison>;

/** The message of each kind of event. */
export const EVENT_MESSAGES = {
  desired_lrp_created: 'DesiredLRPCreatedEvent',
  desired_lrp_changed: 'DesiredLRPChangedEvent',
  desired_lrp_removed: 'DesiredLRPRemovedEvent',
  actual_lrp_created: 'ActualLRPCreatedEvent',
  actual_lrp_changed: 'ActualLRPChangedEvent',
  actual_lrp_removed: 'ActualLRPRemovedEvent',
  actual_lrp_crashed: 'ActualLRPCrashedEvent',
  actual_lrp_instance_created: 'ActualLRPInstanceCreatedEvent',
  actual_lrp_instance_changed: 'ActualLRPInstanceChangedEvent',
  actual_lrp_instance_removed: 'ActualLRPInstanceRemovedEvent',
  task_created: 'TaskCreatedEvent',
  task_changed: 'TaskChangedEvent',
  task_removed: 'TaskRemovedEvent',
} as const;

export type EventKind = keyof typeof EVENT_MESSAGES;

export const messageIn = ({
  event,
  data,
}: Pick<RecordedEvent, 'event' | 'data'>): WireMessages[(typeof EVENT_MESSAGES)[EventKind]] =>
  must(decode(EVENT_MESSAGES[event as EventKind], Buffer.from(data, 'base64')));

/** An event as it came over one of our streams, or as it is recorded. */
type Told = Pick<RecordedEvent, 'event' | 'data'>;

interface Subject {
  processGuid?: string;
  index?: number;
}

/** The slot that an event is of; '' where it is of none. */
const slotOf = (told: Told): string => {
  const message = messageIn(told) as Record<string, unknown>;
  const group = (message['actualLrpGroup'] ?? message['after']) as {
    instance?: Subject;
    evacuating?: Subject;
  };
  const row = (message['actualLrp'] ?? group?.instance ?? group?.evacuating ?? message) as Subject;
  return row.index === undefined ? '' : `${row.processGuid}/${row.index}`;
};

/** Rows of one request are made side by side in Diego, in any order: here in that of their indices. */
const inSlotOrder = <T extends Told>(events: readonly T[]): T[] => {
  const runs: T[][] = [];
  for (const event of events) {
    const run = runs.at(-1);
    if (run?.[0]?.event === event.event && event.event.endsWith('created')) run.push(event);
    else runs.push([event]);
  }
  return runs.flatMap((run) => run.toSorted((a, b) => (slotOf(a) < slotOf(b) ? -1 : 1)));
};

export interface StreamDifference {
  /** place in the recorded stream */
  at: number;
  event: string;
  /** '' where it is of none */
  slot: string;
  /** `path: recorded → ours` */
  difference: string;
}

/**
 * What differs between a recorded stream and the events that came, place by place; a recorded event that did not come,
 * or one that came besides, is told by its kind and slot, and passed over.
 */
export const streamDifferences = (
  recorded: readonly Told[],
  came: readonly Told[],
  { differences }: Pick<Comparison, 'differences'>,
): StreamDifference[] => {
  const [theirs, ours] = [inSlotOrder(recorded), inSlotOrder(came)];
  const found: StreamDifference[] = [];
  let place = 0;
  for (const [at, event] of theirs.entries()) {
    const own = ours[place];
    const isThere = own?.event === event.event && slotOf(own) === slotOf(event);
    if (isThere) place += 1;
    const told = isThere ? differences(messageIn(event), messageIn(own)) : ['did not come'];
    found.push(...told.map((difference) => ({ at, event: event.event, slot: slotOf(event), difference })));
  }
  for (const event of ours.slice(place)) {
    const difference = 'came besides';
    found.push({ at: theirs.length, event: event.event, slot: slotOf(event), difference });
  }
  return found;
};
