import type { Cancel } from '../common/ports/clock.js';
import type { Metrics, Sample } from '../common/ports/metrics.js';
import type { BbsRoute } from '../common/wire/routes.js';

export const STREAM_ROUTES = [
  'EventStream',
  'EventStream_r0',
  'LRPInstanceEventStream',
  'LRPInstanceEventStream_r0',
  'OutcryEventStream',
  'TaskEventStream',
  'TaskEventStream_r0',
] as const satisfies readonly BbsRoute[];

export type StreamRoute = (typeof STREAM_ROUTES)[number];

/** What is told of event streams as they come and go. */
export interface StreamMetrics {
  /** until cancelled; `waiting` is asked when somebody looks */
  opened(route: StreamRoute, waiting: () => { events: number; bytes: number }): Cancel;
  cutOff(route: StreamRoute, reason: string): void;
  /** there were as many as there may be */
  refused(): void;
  /** a subscriber that came back got what it had missed, or could not */
  onResumed(): void;
  onReset(reason: string): void;
}

interface Open {
  route: StreamRoute;
  waiting(): { events: number; bytes: number };
}

/** Of what is kept for subscribers that come back; undefined while nothing is served. */
export type WindowReading = () => { count(): number; bytes(): number } | undefined;

const perRoute = (streams: ReadonlySet<Open>): Sample[] =>
  STREAM_ROUTES.map((route) => ({
    labels: { route },
    value: [...streams].filter((stream) => stream.route === route).length,
  }));

const most = (streams: ReadonlySet<Open>, of: 'events' | 'bytes'): number =>
  Math.max(0, ...[...streams].map((stream) => stream.waiting()[of]));

/** Registers what is measured of event streams. */
export const registerStreams = (metrics: Metrics, window: WindowReading): StreamMetrics => {
  const streams = new Set<Open>();
  const family = {
    EventSubscribers: { help: 'Event streams that are open.', labels: ['route'] },
    EventsWaiting: { help: 'Events that wait for the slowest subscriber to read.' },
    EventBytesWaiting: {
      help: 'Bytes of events that wait for one subscriber to read, of the one with the most.',
    },
    EventWindowEvents: { help: 'Last events that are kept for subscribers that come back.' },
    EventWindowBytes: { help: 'Bytes of the events that are kept for subscribers that come back.' },
  };
  metrics.gauges(family, () => ({
    EventSubscribers: perRoute(streams),
    EventsWaiting: most(streams, 'events'),
    EventBytesWaiting: most(streams, 'bytes'),
    EventWindowEvents: window()?.count(),
    EventWindowBytes: window()?.bytes(),
  }));
  const cutOff = metrics.counter('EventSubscribersCutOff', {
    help: 'Event streams that were ended because they read too slowly, by what was exceeded.',
    labels: ['route', 'reason'],
  });
  const refused = metrics.counter('EventSubscribersRefused', {
    help: 'Event streams that were not opened, because there were as many as there may be.',
  });
  const resumed = metrics.counter('EventStreamsResumed', {
    help: 'Subscribers that came back and got what they had missed.',
  });
  const reset = metrics.counter('EventStreamsReset', {
    help: 'Subscribers that came back and had to read the state again.',
    labels: ['reason'],
  });
  return {
    opened(route, waiting) {
      const stream = { route, waiting };
      streams.add(stream);
      return () => void streams.delete(stream);
    },
    cutOff: (route, reason) => cutOff.increment({ route, reason }),
    refused: () => refused.increment(),
    onResumed: () => resumed.increment(),
    onReset: (reason) => reset.increment({ reason }),
  };
};
