import t from 'tap';
import { createLogBuffer } from '../../api/core/log-buffer.js';
import type { LogQuery } from '../../api/core/log-buffer.js';
import { startApi } from '../support/api.js';
import type { Loose } from '../support/api.js';

const SECOND = 1_000_000_000n;
const NOW = 1_700_000_000n * SECOND;

const line = (timestamp: bigint, text: string) => ({
  timestamp: String(timestamp),
  sourceType: 'APP/PROC/WEB',
  stream: 'OUT' as const,
  payload: Buffer.from(text).toString('base64'),
});

const batch = (sourceId: string, ...lines: ReturnType<typeof line>[]) => ({
  sourceId,
  instanceId: '0',
  tags: { process_type: 'web' },
  lines,
});

const buffer = (limits = { linesPerSource: 1000, totalBytes: 1_000_000 }) => {
  const logs = createLogBuffer(limits);
  const read = (query: Partial<LogQuery> = {}, sourceId = 'a') =>
    logs
      .read(sourceId, { limit: 100, descending: false, now: NOW, ...query })
      .map(({ payload }) => Buffer.from(payload, 'base64').toString());
  return { ...logs, read };
};

t.test('logs - are read by time, oldest or newest first', async (t) => {
  const logs = buffer();
  logs.add(batch('a', line(NOW + 1n, 'one'), line(NOW + 2n, 'two'), line(NOW + 4n, 'four')));
  logs.add(batch('a', line(NOW + 3n, 'three')));
  t.same(logs.read(), ['one', 'two', 'three', 'four'], 'late ones find their place');
  t.same(logs.read({ startTime: NOW + 2n, endTime: NOW + 4n }), ['two', 'three'], 'from is in, to is out');
  t.same(logs.read({ limit: 2 }), ['one', 'two']);
  t.same(logs.read({ limit: 2, descending: true }), ['four', 'three']);
  t.same(logs.read({ startTime: -6795364578871345152n, limit: 1000, descending: true }).length, 4);
  t.same(logs.read({}, 'other'), []);
});

t.test('logs - no two lines of a source share a timestamp', async (t) => {
  const logs = createLogBuffer({ linesPerSource: 10, totalBytes: 10_000 });
  for (const instance of ['0', '1', '2']) {
    logs.add({ ...batch('a', line(NOW, 'x'), line(NOW + 1n, 'y')), instanceId: instance });
  }
  const times = logs.read('a', { limit: 10, descending: false, now: NOW }).map(({ timestamp }) => timestamp);
  t.equal(new Set(times).size, 6);
  t.same([...times].sort(), times);
});

t.test('logs - a line that is told twice is kept once', async (t) => {
  const logs = buffer();
  logs.add(batch('a', line(NOW, 'one'), line(NOW + 5n, 'two')));
  // a rep that was killed tells its last lines again; another instance may say the same at the same time
  logs.add(batch('a', line(NOW, 'one'), line(NOW + 5n, 'two'), line(NOW + 9n, 'three')));
  logs.add({ ...batch('a', line(NOW + 5n, 'two')), instanceId: '1' });
  t.same(logs.read(), ['one', 'two', 'two', 'three']);
});

t.test('logs - the question where to begin is answered with a line that is a second old', async (t) => {
  const logs = buffer();
  logs.add(batch('a', line(NOW - 3n * SECOND, 'old'), line(NOW - SECOND, 'settled'), line(NOW - 1n, 'new')));
  t.same(logs.read({ limit: 1, descending: true }), ['settled']);
  t.same(logs.read({ limit: 1, descending: true, now: NOW - 1n }), ['old']);
  t.same(logs.read({ limit: 1, descending: true, now: NOW - 4n * SECOND }), []);
  t.same(logs.read({ limit: 2, descending: true }), ['new', 'settled'], 'only that one question');
});

t.test('logs - are bounded by lines and bytes, the quietest source going first', async (t) => {
  // a line costs 200 bytes beside its payload
  const logs = buffer({ linesPerSource: 3, totalBytes: 900 });
  logs.add(batch('a', ...[1n, 2n, 3n, 4n, 5n].map((at) => line(NOW + at, `l${at}`))));
  t.same(logs.read(), ['l3', 'l4', 'l5']);
  logs.add(batch('b', line(NOW, 'x'.repeat(60))));
  t.same(logs.read({}, 'b').length, 1);
  t.same(logs.read({}, 'a').length, 3);
  logs.add(batch('b', line(NOW + 1n, 'y'.repeat(9))));
  t.same(logs.read({}, 'a'), ['l4', 'l5'], 'the oldest of the quietest');
  logs.add(batch('c', line(NOW, 'z'.repeat(60))));
  t.same([logs.read({}, 'a').length, logs.read({}, 'c').length], [0, 1]);
});

t.test('logs - over HTTP: what cells publish, exactly in the keys of log-cache', async (t) => {
  const api = await startApi(t);
  const now = BigInt(api.clock.now()) * 1_000_000n;
  const publish = (value: unknown) => api.bus.publish('log.app-1.0', Buffer.from(JSON.stringify(value)));
  publish(batch('app-1', line(now - 3n, 'hello'), line(now - 2n, 'there')));
  for (const bad of [
    'text',
    null,
    {},
    { ...batch('app-1', line(now, 'x')), lines: 'x' },
    { ...batch('app-1'), lines: [{ timestamp: 5 }] },
    { ...batch('app-1', line(now, 'x')), tags: { a: 1 } },
    { ...batch('app-1'), lines: [{ ...line(now, 'x'), timestamp: '1.5' }] },
    { ...batch('app-1', line(now, 'x')), sender: { cellId: 'cell-1' } },
    { ...batch('app-1', line(now, 'x')), sender: { cellId: 'cell-1', sentAt: '-1' } },
  ]) {
    publish(bad);
  }
  publish(batch('app-1', line(now - 1n, 'last')));
  const info = await api.call('GET', '/api/v1/info');
  t.match(info.body, { version: /^2\.\d+\.\d+$/, vm_uptime: /^\d+$/ });
  const query = 'envelope_types=LOG&limit=1000&start_time=-6795364578871345152';
  let answer: Loose;
  for (let turn = 0; turn < 50 && answer?.body.envelopes.batch.length !== 3; turn += 1) {
    answer = await api.call('GET', `/api/v1/read/app-1?descending=true&${query}`);
  }
  t.same(
    answer.body.envelopes.batch.map((one: Loose) => one.timestamp),
    [String(now - 1n), String(now - 2n), String(now - 3n)],
  );
  t.same(answer.body.envelopes.batch[2], {
    timestamp: String(now - 3n),
    source_id: 'app-1',
    instance_id: '0',
    deprecated_tags: {},
    tags: { process_type: 'web', source_type: 'APP/PROC/WEB' },
    log: { payload: Buffer.from('hello').toString('base64'), type: 'OUT' },
  });
  const exact = await api.call('GET', `/api/v1/read/app-1?start_time=${now - 2n}`);
  t.equal(exact.body.envelopes.batch.length, 2, 'nanoseconds are not rounded');
  t.same((await api.call('GET', '/api/v1/read/app-1?descending=true&limit=1')).body.envelopes.batch, []);
  await api.clock.advance(1000);
  const settled = await api.call('GET', '/api/v1/read/app-1?descending=true&limit=1');
  t.equal(settled.body.envelopes.batch.length, 1);
  t.same((await api.call('GET', '/api/v1/read/app-1?envelope_types=GAUGE')).body.envelopes.batch, []);
  for (const bad of ['start_time=1.5', 'start_time=x', 'limit=1001', 'limit=x', 'end_time=1e9']) {
    t.equal((await api.call('GET', `/api/v1/read/app-1?${bad}`)).status, 400, bad);
  }
});

t.test('logs - the platform tells of itself: API and staging lines', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: web}]'));
  const { appGuid } = await api.stage('web', { 'server.js': '' });
  const { body } = await api.call('GET', `/api/v1/read/${appGuid}`);
  const lines = body.envelopes.batch.map((one: Loose) => [
    one.tags.source_type,
    Buffer.from(one.log.payload, 'base64').toString(),
  ]);
  t.same(lines[0], ['API', `Created app with guid ${appGuid}`]);
  t.ok(lines.some(([source, text]: [string, string]) => source === 'STG' && /start command/.test(text)));
});
