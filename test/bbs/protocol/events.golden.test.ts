import t from 'tap';
import type { ActualLrp } from '../../../common/model/lrp.js';
import { diegoFrame } from '../../../bbs/protocol/events.js';
import type { DiegoEvent } from '../../../bbs/protocol/events.js';
import { EVENT_MESSAGES, messageIn, recordedStreams } from '../../support/golden-streams.js';
import type { EventKind } from '../../support/golden-streams.js';
import type { RecordedEvent } from '../../support/golden-bbs.js';

const streams = recordedStreams();
const streamAt = (path: string): RecordedEvent[] =>
  streams.find((stream) => stream.path === path && stream.request.body === '')!.events;

/** An event whose message is the recorded one. */
const eventOf = (recorded: RecordedEvent): DiegoEvent => {
  const message = messageIn(recorded);
  const kind = recorded.event as EventKind;
  if (kind !== 'actual_lrp_instance_changed') return { kind, ...message } as DiegoEvent;
  // the rows that the message was made of; an UNCLAIMED one has no instance
  const { before, after, traceId, ...keys } = message as {
    before: ActualLrp;
    after: ActualLrp;
    traceId: string;
  };
  const row = (info: ActualLrp): ActualLrp => ({
    ...info,
    ...keys,
    ...(info.state === 'UNCLAIMED' || info.state === 'CRASHED' ? { instanceGuid: '', cellId: '' } : {}),
  });
  return { kind, traceId, before: row(before), after: row(after) };
};

/** Times are doubles here, exact to 256 ns: only where a message has none are its bytes the same. */
const hasTimes = ({ event }: RecordedEvent): boolean => !event.startsWith('desired_lrp_');

const recordedFrame = ({ event, data }: RecordedEvent): string => `event: ${event}\ndata: ${data}\n\n`;
const dataIn = (frame: string): string => frame.split('data: ')[1]!.trimEnd();

for (const { path, seq, events } of streams) {
  t.test(
    `golden - every event of ${path} (exchange ${seq}) is read whole and written as recorded`,
    async (t) => {
      t.ok(events.length >= 20);
      for (const [at, recorded] of events.entries()) {
        t.ok(recorded.event in EVENT_MESSAGES, recorded.event);
        // what is recorded of a first revision is downgraded already
        const written = diegoFrame(eventOf(recorded), 'r1');
        const again = { event: recorded.event, data: dataIn(written) };
        t.same(messageIn(again), messageIn(recorded), `${at}: the same message`);
        const old = /events$|lrp_instances$/.test(path);
        if (!hasTimes(recorded) && !old) t.equal(written, recordedFrame(recorded), `${at}: byte for byte`);
        if (hasTimes(recorded)) t.equal(again.data.length, recorded.data.length, `${at}: as many bytes`);
      }
    },
  );
}

const pairs = [
  ['/v1/events.r1', '/v1/events'],
  ['/v1/events/lrp_instances.r1', '/v1/events/lrp_instances'],
  ['/v1/events/tasks.r1', '/v1/events/tasks'],
] as const;

for (const [current, first] of pairs) {
  t.test(`golden - what ${current} carries becomes what ${first} carries`, async (t) => {
    const [now, then] = [streamAt(current), streamAt(first)];
    t.equal(now.length, then.length);
    for (const [at, recorded] of now.entries()) {
      const downgraded = diegoFrame(eventOf(recorded), 'r0');
      // Go writes the entries of a map in any order
      const [mine, theirs] = [dataIn(downgraded), then[at]!.data].map((data) =>
        [...Buffer.from(data, 'base64')].sort().join(),
      );
      if (!hasTimes(recorded)) t.ok(mine === theirs, `${at}: the same bytes`);
      t.same(messageIn({ event: recorded.event, data: dataIn(downgraded) }), messageIn(then[at]!));
    }
  });
}
