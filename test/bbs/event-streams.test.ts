import t from 'tap';
import { Client } from 'undici';
import { decode, encode } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import { BBS_ROUTES, methodOf } from '../../common/wire/routes.js';
import type { BbsClient } from '../../bbs/index.js';
import { STREAM_ROUTES } from '../../bbs/metrics-streams.js';
import { desiredLrp, KEY, must, ONE, startOf, taskDefinition, TWO } from '../support/bbs.js';
import { startBbs } from '../support/http-bbs.js';
import { openStream } from '../support/event-stream.js';
import type { SseEvent, StreamClient, StreamRequest } from '../support/event-stream.js';
import { eventually } from '../support/eventually.js';
import { samplesOf } from '../support/metrics.js';

const DIEGO_ROUTES = STREAM_ROUTES.filter((route) => route !== 'OutcryEventStream');

/** As Diego's BBS was recorded to begin a stream. */
const recordedHead = [
  'HTTP/1.1 200 OK',
  'Cache-Control: no-cache, no-store, must-revalidate',
  'Connection: keep-alive',
  'Content-Type: text/event-stream; charset=utf-8',
  'Date: Fri, 20 Nov 2026 23:41:10 GMT',
  'Transfer-Encoding: chunked',
].join('\r\n');

/** Opened once its head has come: from then on nothing is missed. */
const opened = async (t: TeardownOnly, socketPath: string, path: string, request: StreamRequest = {}) => {
  const method = methodOf(STREAM_ROUTES.find((route) => BBS_ROUTES[route] === path)!);
  const stream = openStream(socketPath, path, { method, ...request });
  t.teardown(() => stream.close());
  await eventually(() => stream.head() !== '');
  return stream;
};

interface TeardownOnly {
  teardown(fn: () => unknown): unknown;
}

const message = <N extends WireName>(name: N, { data }: SseEvent): WireMessages[N] =>
  must(decode(name, Buffer.from(data, 'base64')));

const kinds = (stream: StreamClient): string[] => stream.events().map(({ event }) => event);

/** One LRP from wish to crash, moved off its cell in between, and one task. */
const live = async (client: BbsClient): Promise<void> => {
  must(await client.desireLrp(desiredLrp(), 'trace-1'));
  must(await client.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  must(await client.startActualLrp(startOf(ONE), ''));
  must(await client.crashActualLrp({ key: KEY, instanceKey: ONE, reason: 'boom' }, ''));
  must(await client.startActualLrp(startOf(TWO), ''));
  must(await client.desireTask({ taskGuid: 'task', domain: 'd', definition: taskDefinition() }, ''));
  must(await client.removeDesiredLrp('app', ''));
  must(await client.removeActualLrp({ key: KEY, instanceKey: TWO }, ''));
};

const GROUPS = [
  'desired_lrp_created',
  'actual_lrp_created',
  'actual_lrp_changed',
  'actual_lrp_changed',
  'actual_lrp_crashed',
  'actual_lrp_changed',
  'actual_lrp_changed',
  'desired_lrp_removed',
  'actual_lrp_removed',
];
const INSTANCES = [
  'desired_lrp_created',
  'actual_lrp_instance_created',
  'actual_lrp_instance_changed',
  'actual_lrp_instance_changed',
  'actual_lrp_crashed',
  'actual_lrp_instance_created',
  'actual_lrp_instance_removed',
  'actual_lrp_instance_changed',
  'desired_lrp_removed',
  'actual_lrp_instance_removed',
];
const TASKS = ['task_created'];

t.test('streams - heads, chunks and frames as recorded from Diego, and what each carries', async (t) => {
  const bbs = await startBbs(t);
  const streams = new Map<string, StreamClient>();
  for (const route of DIEGO_ROUTES) {
    streams.set(route, await opened(t, bbs.socketPath, BBS_ROUTES[route]));
  }
  await live(bbs.client);
  const expected = { EventStream: GROUPS, LRPInstanceEventStream: INSTANCES, TaskEventStream: TASKS };
  for (const [route, carried] of Object.entries(expected)) {
    for (const name of [route, `${route}_r0`]) {
      await eventually(() => streams.get(name)!.events().length >= carried.length);
      t.same(kinds(streams.get(name)!), carried, name);
    }
  }
  await bbs.stop();
  const undated = (head: string): string => head.replace(/^Date: [^\r]*/m, 'Date: ');
  for (const [route, stream] of streams) {
    await eventually(() => stream.ended());
    t.equal(undated(stream.head()), undated(recordedHead), `${route}: the head, byte for byte`);
    t.match(stream.head(), /^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r?$/m);
    const rebuilt = stream.events().map(({ id, event, data }, at) => {
      t.equal(id, String(at));
      const frame = `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
      t.equal(Buffer.from(data, 'base64').toString('base64'), data, 'base64 as it should be, on one line');
      return `${frame.length.toString(16)}\r\n${frame}\r\n`;
    });
    t.equal(
      stream.body(),
      [...rebuilt, '0\r\n\r\n'].join(''),
      `${route}: one chunk an event, and the zero chunk`,
    );
  }
});

t.test('streams - messages say what happened, and why', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const instances = await opened(t, socketPath, BBS_ROUTES.LRPInstanceEventStream);
  const groups = await opened(t, socketPath, BBS_ROUTES.EventStream);
  await live(client);
  await eventually(() => instances.events().length === INSTANCES.length);
  await eventually(() => groups.events().length === GROUPS.length);
  const [created, unclaimed, claimed, , crashed, again, gone] = instances.events();
  t.match(message('DesiredLRPCreatedEvent', created!), {
    desiredLrp: { processGuid: 'app' },
    traceId: 'trace-1',
  });
  t.match(message('ActualLRPInstanceCreatedEvent', unclaimed!), {
    actualLrp: { ...KEY, state: 'UNCLAIMED' },
  });
  t.match(message('ActualLRPInstanceChangedEvent', claimed!), {
    ...KEY,
    ...ONE,
    before: { state: 'UNCLAIMED' },
    after: { state: 'CLAIMED' },
  });
  t.match(message('ActualLRPCrashedEvent', crashed!), { ...ONE, crashCount: 1, crashReason: 'boom' });
  t.match(message('ActualLRPInstanceCreatedEvent', again!), {
    actualLrp: { state: 'UNCLAIMED', cellId: '' },
  });
  t.match(message('ActualLRPInstanceRemovedEvent', gone!), { actualLrp: { state: 'RUNNING', ...ONE } });
  const restarted = message('ActualLRPChangedEvent', groups.events()[5]!);
  t.match(restarted, {
    before: { instance: { state: 'RUNNING' } },
    after: { instance: { state: 'UNCLAIMED' } },
  });
  t.notOk(restarted.before.evacuating);
});

t.test('streams - older forms: layers and dependencies as the setup, timeouts in old units', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const old = await opened(t, socketPath, BBS_ROUTES.LRPInstanceEventStream_r0);
  const tasks = await opened(t, socketPath, BBS_ROUTES.TaskEventStream_r0);
  const layer = {
    name: 'layer',
    url: 'http://x/l.tgz',
    destinationPath: '/opt',
    layerType: 'SHARED' as const,
    mediaType: 'TGZ' as const,
    digestAlgorithm: 'SHA256' as const,
    digestValue: 'abc',
  };
  must(await client.desireLrp(desiredLrp({ imageLayers: [layer], startTimeoutMs: 61_500 }), ''));
  const definition = taskDefinition({ imageLayers: [layer] });
  must(await client.desireTask({ taskGuid: 'task', domain: 'd', definition }, ''));
  await eventually(() => old.events().length === 2 && tasks.events().length === 1);
  const told = message('DesiredLRPCreatedEvent', old.events()[0]!).desiredLrp;
  t.same(told.imageLayers, []);
  t.match(told.setup, {
    serial: {
      actions: [{ parallel: { actions: [{ download: { from: layer.url, cacheKey: 'sha256:abc' } }] } }],
    },
  });
  const bytes = Buffer.from(old.events()[0]!.data, 'base64');
  t.ok(bytes.includes(Buffer.from([8 << 3, 61])), 'deprecated_start_timeout_s');
  const task = message('TaskCreatedEvent', tasks.events()[0]!).task;
  t.same(task.imageLayers, []);
  t.match(task.cachedDependencies, [{ from: layer.url, to: '/opt', checksumAlgorithm: 'sha256' }]);
});

const cellRequest = (cellId: string): Buffer => Buffer.from(encode('EventsByCellId', { cellId }));

t.test('streams - a cell hears of its own instances alone, and of everything desired', async (t) => {
  const { client, socketPath } = await startBbs(t);
  const asked: Record<string, StreamRequest> = {
    'with its length': { body: cellRequest('cell-1') },
    'in chunks': { body: cellRequest('cell-1'), chunked: true },
    'in JSON': { body: '{"cell_id": "cell-1"}', headers: { 'Content-Type': 'application/json' } },
  };
  const open = (path: string, request: StreamRequest) => opened(t, socketPath, path, request);
  const streams: Record<string, { groups: StreamClient; instances: StreamClient }> = {};
  for (const [how, request] of Object.entries(asked)) {
    streams[how] = {
      groups: await open(BBS_ROUTES.EventStream, request),
      instances: await open(BBS_ROUTES.LRPInstanceEventStream, request),
    };
  }
  const nobody = await open(BBS_ROUTES.LRPInstanceEventStream, { body: cellRequest('cell-9') });
  const tasks = await open(BBS_ROUTES.TaskEventStream, { body: cellRequest('cell-9') });
  await live(client);
  // what UNCLAIMED rows do is no cell's; a change counts for the cell before and the cell after
  for (const [how, { groups, instances }] of Object.entries(streams)) {
    await eventually(() => kinds(groups).includes('desired_lrp_removed'), { what: how });
    await eventually(() => kinds(instances).includes('desired_lrp_removed'), { what: how });
    t.same(kinds(groups), [
      'desired_lrp_created',
      'actual_lrp_changed',
      'actual_lrp_changed',
      'actual_lrp_crashed',
      'actual_lrp_changed',
      'desired_lrp_removed',
    ]);
    t.same(kinds(instances), [
      'desired_lrp_created',
      'actual_lrp_instance_changed',
      'actual_lrp_instance_changed',
      'actual_lrp_crashed',
      'actual_lrp_instance_removed',
      'desired_lrp_removed',
    ]);
    t.same(
      groups.events().map(({ id }) => id),
      ['0', '1', '2', '3', '4', '5'],
      'numbers without a hole',
    );
  }
  await eventually(() => nobody.events().length === 2);
  t.same(kinds(nobody), ['desired_lrp_created', 'desired_lrp_removed']);
  await eventually(() => tasks.events().length === 1);
});

t.test('streams - a request that cannot be read is answered by 500, and opens nothing', async (t) => {
  const { socketPath, metrics } = await startBbs(t);
  const bad: StreamRequest[] = [
    { body: Buffer.from([0x0a, 0xff]) },
    { body: '{"cell_id": 5}', headers: { 'Content-Type': 'application/json' } },
    { body: 'no JSON', headers: { 'Content-Type': 'application/json' } },
    { body: Buffer.alloc(100_000, 0x0a), chunked: true },
  ];
  for (const request of bad) {
    const stream = await opened(t, socketPath, BBS_ROUTES.EventStream, request);
    t.match(stream.head(), /^HTTP\/1\.1 500 /);
    t.match(stream.head(), /^content-length: 0$/im);
  }
  t.match(await samplesOf(metrics), { 'EventSubscribers{route="EventStream"}': 0 });
});

t.test('streams - no heartbeats on those of Diego', async (t) => {
  const { socketPath } = await startBbs(t, { config: { event_heartbeat_interval: '5ms' } });
  const diego = await opened(t, socketPath, BBS_ROUTES.EventStream);
  const own = await opened(t, socketPath, BBS_ROUTES.OutcryEventStream);
  await eventually(() => own.chunks().filter((chunk) => chunk === ':\n\n').length > 5);
  t.equal(diego.body(), '');
});

t.test('streams - only so many are open at once, and who is too many is told so', async (t) => {
  const { socketPath, metrics, logger } = await startBbs(t, { config: { event_subscribers: 2 } });
  const first = await opened(t, socketPath, BBS_ROUTES.EventStream);
  await opened(t, socketPath, BBS_ROUTES.OutcryEventStream);
  const client = new Client('http://bbs', { socketPath });
  t.teardown(() => client.destroy());
  const refused = await client.request({ path: BBS_ROUTES.TaskEventStream, method: 'POST' });
  t.equal(refused.statusCode, 503);
  t.equal(refused.headers['retry-after'], '1');
  t.match(await refused.body.json(), {
    error: 'EVENT_SUBSCRIBERS_FULL',
    reason: 'the bulletin board sends its events to 2 subscribers already, and takes no more',
    remedy: /event_subscribers/,
  });
  t.match(await samplesOf(metrics), { EventSubscribersRefused: 1 });
  t.equal(logger.named('bbs.events.subscriber-refused').length, 1);
  first.close();
  await eventually(async () => (await samplesOf(metrics))['EventSubscribers{route="EventStream"}'] === 0);
  await opened(t, socketPath, BBS_ROUTES.TaskEventStream);
});

/** Some of `field` in every event. */
const big = (processGuid: string, bytes: number) =>
  desiredLrp({ processGuid, instances: 0, env: [{ name: 'BIG', value: 'x'.repeat(bytes) }] });

for (const [reason, config] of Object.entries({
  events: { event_buffer: 4 },
  bytes: { event_buffer_bytes: 300_000 },
})) {
  t.test(
    `streams - a subscriber that does not read is cut off by ${reason}, the others miss nothing`,
    async (t) => {
      const { client, socketPath, logger, metrics } = await startBbs(t, { config });
      const hearing = await opened(t, socketPath, BBS_ROUTES.LRPInstanceEventStream);
      const deaf = openStream(socketPath, BBS_ROUTES.EventStream, { paused: true });
      t.teardown(() => deaf.close());
      const open = async () => (await samplesOf(metrics))['EventSubscribers{route="EventStream"}'];
      await eventually(async () => (await open()) === 1);
      let sent = 0;
      await eventually(async () => {
        must(await client.desireLrp(big(`app-${(sent += 1)}`, 100_000), ''));
        return (await open()) === 0;
      });
      await eventually(() => hearing.events().length === sent);
      t.ok(sent < 40, `${sent} events`);
      const samples = await samplesOf(metrics);
      t.equal(samples[`EventSubscribersCutOff{route="EventStream",reason="${reason}"}`], 1);
      t.equal(samples['EventsWaiting'], 0);
      const lines = logger.named('bbs.events.subscriber-cut-off');
      t.match(lines, [{ fields: { code: 'EVENT_SUBSCRIBER_TOO_SLOW', route: 'EventStream', reason } }]);
      t.equal(lines.length, 1);
      deaf.socket.resume();
      await eventually(() => deaf.closed());
      t.notOk(deaf.ended(), 'that was no end of the stream');
    },
  );
}

t.test('streams - what one commit tells costs no subscriber its place, however much it is', async (t) => {
  const { client, socketPath, logger } = await startBbs(t, { config: { event_buffer: 10 } });
  const stream = await opened(t, socketPath, BBS_ROUTES.LRPInstanceEventStream);
  must(await client.desireLrp(desiredLrp({ instances: 5_000 }), ''));
  for (let at = 0; at < 5; at += 1)
    must(await client.desireLrp(desiredLrp({ processGuid: `more-${at}` }), ''));
  await eventually(() => stream.events().length === 5_001 + 10);
  t.same(logger.named('bbs.events.subscriber-cut-off'), []);
});

t.test('streams - a hundred subscribers hear thousands of changes, each once and in order', async (t) => {
  const { client, socketPath, metrics } = await startBbs(t);
  const routes = [...STREAM_ROUTES.filter((route) => !route.startsWith('Task'))];
  const streams = await Promise.all(
    Array.from({ length: 100 }, (_, at) => opened(t, socketPath, BBS_ROUTES[routes[at % routes.length]!])),
  );
  const changes = 1_000;
  const own = (at: number): string => `app-${at}`;
  for (let from = 0; from < changes; from += 50) {
    const some = Array.from({ length: 50 }, (_, at) => own(from + at));
    for (const processGuid of some) {
      void client.desireLrp(desiredLrp({ processGuid }), '').then(must);
    }
    await Promise.all(some.map((guid) => eventually(() => client.desiredLrp(guid).then(({ ok }) => ok))));
  }
  for (const stream of streams) await eventually(() => stream.events().length === 2 * changes);
  t.equal((await samplesOf(metrics))['EventsWaiting'], 0);
  const all = streams[routes.indexOf('OutcryEventStream')]!.events();
  t.same(
    all.map(({ id }) => Number(id.split('-')[1])),
    Array.from({ length: 2 * changes }, (_, at) => at + 1),
  );
  const order = all.map(({ event }) => event.replace('_instance', '')).join();
  streams.forEach((stream, at) => {
    const events = stream.events();
    t.ok(
      order === events.map(({ event }) => event.replace('_instance', '')).join(),
      `${at}: the order of commits`,
    );
    const twin = streams[at % routes.length]!.events();
    t.ok(
      events.every(({ id, data }, place) => id === twin[place]?.id && data === twin[place].data),
      `${at}: what its twin heard`,
    );
    t.equal(new Set(events.map(({ data }) => data)).size, 2 * changes, `${at}: each once`);
  });
});
