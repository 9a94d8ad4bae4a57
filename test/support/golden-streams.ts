import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../common/runtime/package-root.js';
import { decode } from '../../common/wire/codec.js';
import type { WireMessages } from '../../common/wire/messages.js';
import { must } from './bbs.js';

/** One of Diego's event streams as it was recorded. */
export interface RecordedStream {
  /** its number among all recorded exchanges */
  exchange: number;
  method: 'GET' | 'POST';
  path: string;
  /** of the request, in base64 */
  body: string;
  head: string;
  events: RecordedEvent[];
}

export interface RecordedEvent {
  event: string;
  /** in base64 */
  data: string;
}

const file = join(packageRoot(), 'test', 'fixtures', 'bbs', 'streams.json');

export const recordedStreams = (): RecordedStream[] => {
  const { messages, streams } = JSON.parse(readFileSync(file, 'utf8')) as {
    messages: [event: string, data: string][];
    streams: (Omit<RecordedStream, 'events'> & { events: number[] })[];
  };
  const event = (at: number): RecordedEvent => ({ event: messages[at]![0], data: messages[at]![1] });
  return streams.map((stream) => ({ ...stream, events: stream.events.map(event) }));
};

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

export const messageIn = ({ event, data }: RecordedEvent): WireMessages[(typeof EVENT_MESSAGES)[EventKind]] =>
  must(decode(EVENT_MESSAGES[event as EventKind], Buffer.from(data, 'base64')));
