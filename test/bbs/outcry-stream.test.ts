import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { BbsEvent } from '../../common/model/events.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { createBbsClient } from '../../bbs/index.js';
import type { BbsClient } from '../../bbs/index.js';
import { desiredLrp, must } from '../support/bbs.js';
import { startBbs } from '../support/http-bbs.js';
import { openCuttingProxy } from '../support/cutting-proxy.js';
import { openStream } from '../support/event-stream.js';
import type { StreamClient, StreamRequest } from '../support/event-stream.js';
import { eventually } from '../support/eventually.js';
import { samplesOf } from '../support/metrics.js';

const clock = createSystemClock();
/** seconds would be long to wait for a client that comes back */
const hasty = { ...clock, sleep: (ms: number) => clock.sleep(Math.min(ms, 20)) };

interface TeardownOnly {
  teardown(fn: () => unknown): unknown;
}

const opened = async (t: TeardownOnly, socketPath: string, request: StreamRequest = {}) => {
  const stream = openStream(socketPath, BBS_ROUTES.OutcryEventStream, request);
  t.teardown(() => stream.close());
  await eventually(() => stream.head() !== '');
  return stream;
};

const resumed = (t: TeardownOnly, socketPath: string, lastEventId: string) =>
  opened(t, socketPath, { headers: { 'Last-Event-ID': lastEventId } });

/** The id that the stream gives first of all, before any event. */
const position = async (stream: StreamClient): Promise<string> => {
  const [, id] = await eventually(() => /^id: (\d+-\d+)\n\n$/.exec(stream.chunks()[0] ?? '') ?? undefined);
  return id!;
};

/** One event each: no instance is wanted. */
const desire = async (client: BbsClient, ...guids: string[]): Promise<void> => {
  for (const processGuid of guids) {
    must(await client.desireLrp(desiredLrp({ processGuid, instances: 0, annotation: 'ä 漢' }), ''));
  }
};

t.test('resuming - what was missed comes as if it had been heard live, and then what is new', async (t) => {
  const { client, socketPath, metrics } = await startBbs(t);
  const live = await opened(t, socketPath);
  const start = await position(live);
  const guids = Array.from({ length: 200 }, (_, at) => `app-${at}`);
  await desire(client, ...guids);
  await eventually(() => live.events().length === 200);
  const late = await resumed(t, socketPath, start);
  await desire(client, 'new');
  await eventually(() => late.events().length === 201 && live.events().length === 201);
  t.same(late.events(), live.events());
  t.same(late.chunks(), live.chunks().slice(1), 'byte for byte');
  const some = await resumed(t, socketPath, live.events()[150]!.id);
  await eventually(() => some.events().length === 50);
  t.same(some.events(), live.events().slice(151));
  const none = await resumed(t, socketPath, live.events().at(-1)!.id);
  await desire(client, 'newest');
  await eventually(() => none.events().length === 1);
  t.same(none.events(), [live.events().at(-1)!], 'who missed nothing hears the next one');
  t.match(await samplesOf(metrics), { EventStreamsResumed: 3 });
});

/** a and c in the domain mine, b in another between them */
const desireInTwoDomains = async (client: BbsClient): Promise<void> => {
  for (const [processGuid, domain] of [
    ['a', 'mine'],
    ['b', 'another'],
    ['c', 'mine'],
  ] as const)
    must(await client.desireLrp(desiredLrp({ processGuid, domain, instances: 0 }), ''));
};

t.test('one domain - only what is of it is told, live and afterwards, under the same ids', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const all = await opened(t, socketPath);
  const start = await position(all);
  const open = async (lastEventId?: string): Promise<StreamClient> => {
    const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
    const stream = openStream(socketPath, `${BBS_ROUTES.OutcryEventStream}?domain=mine`, { headers });
    t.teardown(() => stream.close());
    await eventually(() => stream.head() !== '');
    return stream;
  };
  const live = await open();
  await desireInTwoDomains(client);
  await eventually(() => all.events().length === 3 && live.events().length === 2);
  t.same(live.events(), [all.events()[0], all.events()[2]]);
  const late = await open(start);
  await eventually(() => late.events().length === 2);
  t.same(late.events(), live.events());
});

t.test('resuming - beyond the window the state is to be read again', async (t) => {
  const { client, socketPath, metrics } = await startBbs(t, { config: { event_window: 5 } });
  const live = await opened(t, socketPath);
  const start = await position(live);
  await desire(client, 'a', 'b', 'c', 'd', 'e', 'f');
  await eventually(() => live.events().length === 6);
  const ids = [start, ...live.events().map(({ id }) => id)];
  const within = await resumed(t, socketPath, ids[1]!);
  await eventually(() => within.events().length === 5);
  t.same(within.events(), live.events().slice(1));
  const beyond = await resumed(t, socketPath, ids[0]!);
  await eventually(() => beyond.events().length === 1);
  t.match(beyond.events(), [{ id: ids.at(-1), event: 'reset', data: '{"reason":"not in the window"}' }]);
  await desire(client, 'g');
  await eventually(() => beyond.events().length === 2 && live.events().length === 7);
  t.same(beyond.events()[1], live.events()[6], 'and it goes on from there');
  t.match(await samplesOf(metrics), {
    'EventStreamsReset{reason="not in the window"}': 1,
    EventWindowEvents: 5,
  });
});

t.test('resuming - the window is bounded in bytes', async (t) => {
  const { client, socketPath, metrics } = await startBbs(t, { config: { event_window_bytes: 1_000 } });
  const live = await opened(t, socketPath);
  const start = await position(live);
  await desire(client, ...Array.from({ length: 50 }, (_, at) => `app-${at}`));
  const samples = await samplesOf(metrics);
  t.ok(samples['EventWindowBytes']! <= 1_000 && samples['EventWindowEvents']! > 2, JSON.stringify(samples));
  const late = await resumed(t, socketPath, start);
  await eventually(() => late.events()[0]?.event === 'reset');
});

t.test(
  'resuming - a number of another life, from the future, or none at all: read the state again',
  async (t) => {
    const { client, socketPath } = await startBbs(t);
    const start = await position(await opened(t, socketPath));
    const [epoch] = start.split('-');
    for (const id of [`${Number(epoch) + 1}-0`, `${epoch}-999`, 'nonsense', `${epoch}-1-1`]) {
      const stream = await resumed(t, socketPath, id);
      await eventually(() => stream.events().length === 1);
      t.match(stream.events(), [{ event: 'reset', id: start }], id);
    }
    await desire(client, 'a');
  },
);

t.test('resuming - whoever reads slowly gets all of it; whom the window overtakes is cut off', async (t) => {
  const config = { event_window: 100, event_buffer: 3 };
  const { client, socketPath, logger, metrics } = await startBbs(t, { config });
  const first = await opened(t, socketPath);
  const start = await position(first);
  first.close();
  let made = 0;
  const desireBig = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      const env = [{ name: 'BIG', value: 'x'.repeat(20_000) }];
      const processGuid = `big-${(made += 1)}`;
      must(await client.desireLrp(desiredLrp({ instances: 0, env, processGuid }), ''));
    }
  };
  const slow = (): StreamClient => {
    const headers = { 'Last-Event-ID': start };
    const stream = openStream(socketPath, BBS_ROUTES.OutcryEventStream, { headers, paused: true });
    t.teardown(() => stream.close());
    return stream;
  };
  const open = async () => (await samplesOf(metrics))['EventSubscribers{route="OutcryEventStream"}'];
  await desireBig(100);
  const patient = slow();
  await eventually(async () => (await open()) === 1);
  patient.socket.resume();
  await eventually(() => patient.events().length === 100, { what: 'far more than its buffer takes' });
  t.same(
    patient.events().map(({ id }) => id.split('-')[1]),
    Array.from({ length: 100 }, (_, at) => String(at + 1)),
  );
  patient.close();
  await eventually(async () => (await open()) === 0);
  const asleep = slow();
  await eventually(async () => (await open()) === 1);
  await desireBig(100);
  t.match(logger.named('bbs.events.subscriber-cut-off'), [{ fields: { reason: 'window' } }]);
  asleep.socket.resume();
  await eventually(() => asleep.closed());
});

const watcherOf = (t: TeardownOnly, socketPath: string) => {
  const logger = createCaptureLogger();
  const client = createBbsClient({ endpoint: { socketPath }, clock: hasty, logger });
  t.teardown(() => client.close());
  const heard: (BbsEvent | 'gap')[] = [];
  const cancel = client.subscribe({ onEvent: (event) => heard.push(event), onGap: () => heard.push('gap') });
  /** process guids of LRPs as they were desired, and gaps */
  const guids = (): string[] =>
    heard.flatMap((one) => {
      if (one === 'gap') return ['gap'];
      return one.kind === 'desired_lrp_created' ? [one.desiredLrp.processGuid] : [];
    });
  return { guids, heard, logger, cancel };
};

const directory = (t: TeardownOnly): string => {
  const dir = mkdtempSync(join(tmpdir(), 'bbs-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

t.test('client - breaks cost nothing while the board keeps what was missed', async (t) => {
  const { client, socketPath, metrics } = await startBbs(t);
  const proxy = await openCuttingProxy(join(directory(t), 'proxy.sock'), socketPath);
  t.teardown(() => proxy.close());
  const { guids } = watcherOf(t, proxy.socketPath);
  await eventually(() => guids().length === 1);
  proxy.cut();
  const all: string[] = [];
  for (let round = 0; round < 10; round += 1) {
    const some = Array.from({ length: 20 }, (_, at) => `app-${round}-${at}`);
    await desire(client, ...some.slice(0, 10));
    if (round % 2 === 0) proxy.cut();
    await desire(client, ...some.slice(10));
    all.push(...some);
  }
  await eventually(() => guids().length > all.length);
  t.same(guids(), ['gap', ...all], 'only the first opening is a gap');
  t.ok((await samplesOf(metrics))['EventStreamsResumed']! >= 1);
});

t.test('client - another life of the board is a gap, and so is a break that is too long', async (t) => {
  const dir = directory(t);
  const engine = createMemoryEngine();
  const config = { event_window: 2 };
  const first = await startBbs(t, { engine, dir, config });
  const proxy = await openCuttingProxy(join(dir, 'proxy.sock'), first.socketPath);
  t.teardown(() => proxy.close());
  const { guids } = watcherOf(t, proxy.socketPath);
  await eventually(() => guids().length === 1);
  await desire(first.client, 'a');
  await eventually(() => guids().length === 2);
  proxy.close();
  await desire(first.client, 'b', 'c', 'd');
  await openCuttingProxy(join(dir, 'proxy.sock'), first.socketPath).then((again) => t.teardown(again.close));
  await eventually(() => guids().length === 3, { what: 'what was missed is not kept any more' });
  await desire(first.client, 'e');
  await eventually(() => guids().length === 4);
  await first.stop();
  const second = await startBbs(t, { engine, dir, config });
  await eventually(() => guids().length === 5);
  await desire(second.client, 'f');
  await eventually(() => guids().length === 6);
  t.same(guids(), ['gap', 'a', 'gap', 'e', 'gap', 'f']);
});

t.test('client - events in the order of commits, with the trace of who caused them', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const { heard, cancel } = watcherOf(t, socketPath);
  await eventually(() => heard.length === 1);
  await Promise.all(
    Array.from({ length: 40 }, async (_, at) =>
      must(await client.desireLrp(desiredLrp({ processGuid: `app-${at}` }), `trace-${at}`)),
    ),
  );
  await eventually(() => heard.length === 81);
  heard.forEach((event, at) => {
    if (event === 'gap' || event.kind !== 'desired_lrp_created') return;
    const { processGuid } = event.desiredLrp;
    t.match(heard[at + 1], {
      kind: 'actual_lrp_instance_created',
      actualLrp: { processGuid },
      traceId: event.traceId,
    });
  });
  cancel();
});

t.test('client - one too many is told so, with what to do', async (t) => {
  const { socketPath } = await startBbs(t, { config: { event_subscribers: 1 } });
  const held = await opened(t, socketPath);
  const { guids, logger } = watcherOf(t, socketPath);
  await eventually(() => logger.named('bbs-does-not-answer').length === 1);
  t.match(logger.named('bbs-does-not-answer'), [{ fields: { code: 'EVENT_SUBSCRIBERS_FULL' } }]);
  held.close();
  await eventually(() => guids().length === 1);
});

t.test('one domain - a client that misses numbers of others has missed nothing', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const own = createBbsClient({ endpoint: { socketPath }, clock, logger: createCaptureLogger() });
  t.teardown(() => own.close());
  const heard: string[] = [];
  let gaps = 0;
  const cancel = own.subscribe(
    {
      onEvent: (event) =>
        void (event.kind === 'desired_lrp_created' && heard.push(event.desiredLrp.processGuid)),
      onGap: () => void (gaps += 1),
    },
    { domain: 'mine' },
  );
  t.teardown(cancel);
  await eventually(() => gaps === 1);
  await desireInTwoDomains(client);
  await eventually(() => heard.length === 2);
  t.same(heard, ['a', 'c']);
  t.equal(gaps, 1);
});
