import t from 'tap';
import { decode, fromJson, toJson } from '../../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../../common/wire/messages.js';

const empty = <N extends WireName>(name: N): WireMessages[N] => {
  const result = decode(name, new Uint8Array());
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

const complaints = (name: WireName, json: unknown): string[] => {
  const result = fromJson(name, json);
  return result.ok ? [] : result.error.map(({ path, message }) => `${path}: ${message}`);
};

t.test("json - a desired LRP has Diego's keys, those without omitempty always", async (t) => {
  t.strictSame(toJson('DesiredLRP', empty('DesiredLRP')), {
    process_guid: '',
    domain: '',
    rootfs: '',
    instances: 0,
    env: [],
    disk_mb: 0,
    memory_mb: 0,
    cpu_weight: 0,
    privileged: false,
    routes: {},
    log_source: '',
    log_guid: '',
    metrics_guid: '',
    annotation: '',
    modification_tag: { epoch: '', index: 0 },
    start_timeout_ms: 0,
    max_pids: 0,
    volume_mounted_files: [],
    update_strategy: 0,
  });
});

t.test('json - a task has its definition beside its own keys, states as names', async (t) => {
  const json = toJson('Task', { ...empty('Task'), taskGuid: 'g', memoryMb: 64, state: 'Running' });
  t.match(json, { task_guid: 'g', memory_mb: 64, state: 'Running', image_username: '', image_password: '' });
  t.notOk('task_definition' in (json as object) || 'env' in (json as object));
});

t.test('json - an actual LRP is flat, times are numbers', async (t) => {
  const row = { ...empty('ActualLRP'), index: 2, cellId: 'c', address: '10.0.0.1', since: 1.5e18 };
  t.match(toJson('ActualLRP', row), {
    process_guid: '',
    index: 2,
    cell_id: 'c',
    address: '10.0.0.1',
    since: 1.5e18,
    presence: 'ORDINARY',
    preferred_address: 'UNKNOWN',
  });
});

t.test('json - routes are the JSON itself, both ways', async (t) => {
  const routes = { 'cf-router': '[{"hostnames":["a"],"port":8080}]', 'tcp-router': 'null', broken: '{' };
  t.match(toJson('DesiredLRPUpdate', { routes }), {
    routes: { 'cf-router': [{ hostnames: ['a'], port: 8080 }], 'tcp-router': null, broken: '{' },
  });
  t.strictSame(fromJson('DesiredLRPUpdate', { routes: { x: [1, { a: null }], y: null } }), {
    ok: true,
    value: { routes: { x: '[1,{"a":null}]', y: 'null' } },
  });
});

t.test('json - what is absent or null gets its default', async (t) => {
  const json = { process_guid: 'p', env: null, action: null, instances: null };
  t.strictSame(fromJson('DesiredLRP', json), {
    ok: true,
    value: { ...empty('DesiredLRP'), processGuid: 'p' },
  });
  t.strictSame(fromJson('DesiredLRPUpdate', { instances: null }), { ok: true, value: {} });
});

t.test('json - every mistake is named with its path', async (t) => {
  const json = {
    process_guid: 7,
    instances: 1.5,
    memory_mb: '64M',
    ports: [8080, -1],
    env: { A: 'b' },
    privileged: 'yes',
    action: { serial: { actions: [{ run: { path: 3 } }, 'x'] } },
    metric_tags: { source_id: { dynamic: 'SOME' } },
    update_strategy: 2,
    routes: [],
    max_pids: 2 ** 31,
  };
  t.same(complaints('DesiredLRP', json), [
    'process_guid: must be a string',
    'instances: must be an integer',
    'memory_mb: must be an integer',
    'ports[1]: must be between 0 and 4294967295',
    'env: must be a list',
    'privileged: must be true or false',
    'action.serial.actions[0].run.path: must be a string',
    'action.serial.actions[1]: must be an object',
    'metric_tags.source_id.dynamic: must be one of DynamicValueInvalid, INDEX, INSTANCE_GUID',
    'update_strategy: must be one of ROLLING, RECREATE',
    'routes: must be an object',
    'max_pids: must be between -2147483648 and 2147483647',
  ]);
  t.same(complaints('ActualLRP', { state: 'DEAD', presence: 1 }), [
    'state: must be one of UNCLAIMED, CLAIMED, RUNNING, CRASHED',
    'presence: must be one of ORDINARY, EVACUATING, SUSPECT',
  ]);
  for (const value of [null, [], 'text', 4, undefined]) {
    t.same(complaints('Task', value), [': must be an object']);
  }
});

t.test('json - unknown keys are mistakes, with the nearest name when one is near', async (t) => {
  t.same(complaints('DesiredLRP', { process_gid: 'x', cpu_milli: 5, root_fs: '', wibble: 1 }), [
    'process_gid: is not known; did you mean process_guid?',
    'cpu_milli: is not known; did you mean cpu-milli?',
    'root_fs: is not known; did you mean rootfs?',
    'wibble: is not known',
  ]);
  t.same(complaints('DesiredLRP', JSON.parse('{"__proto__": 1}')), ['__proto__: is not known']);
});

t.test('json - old keys without a place in the model are taken and dropped', async (t) => {
  const run = { path: '/bin/true', user: 'vcap' };
  const json = {
    deprecated_timeout_ns: 5,
    monitor: { timeout: { timeout: 1e9, timeout_ms: 1, action: { run } } },
  };
  const result = fromJson('DesiredLRP', json);
  t.match(result, { ok: true, value: { monitor: { timeout: { timeoutMs: 1 } } } });
  t.same(complaints('DesiredLRP', { deprecated_timeout_ns: 'x' }), [
    'deprecated_timeout_ns: must be an integer',
  ]);
});

t.test('json - update strategies are numbers, and taken by name too', async (t) => {
  t.match(fromJson('DesiredLRP', { update_strategy: 1 }), { value: { updateStrategy: 'RECREATE' } });
  t.match(fromJson('DesiredLRP', { update_strategy: 'RECREATE' }), { value: { updateStrategy: 'RECREATE' } });
  t.match(toJson('DesiredLRP', { ...empty('DesiredLRP'), updateStrategy: 'RECREATE' }), {
    update_strategy: 1,
  });
});

t.test('json - events need a kind, and only its fields', async (t) => {
  t.match(complaints('BbsEvent', { kind: 'gone' }), [/^kind: must be one of desired_lrp_created, /]);
  t.same(complaints('BbsEvent', { kind: 'cell_appeared', task: {} }), ['task: is not known']);
});

t.test('json - hostile input costs little and throws nothing', async (t) => {
  let action: unknown = {};
  for (let depth = 0; depth < 3_000; depth++) action = { try: { action } };
  t.match(complaints('TaskDefinition', { action }), [/is nested too deeply$/]);

  const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key_${i}`, i]));
  t.equal(complaints('DesiredLRP', keys).length, 50, 'complaints end somewhere');
  t.equal(complaints('DesiredLRP', { ports: Array.from({ length: 10_000 }, () => 'x') }).length, 50);
  t.same(complaints('Traced', { ['x'.repeat(100_000)]: 1 }).length, 1);

  const lone = fromJson('Traced', { trace_id: 'a\ud800b' });
  t.same(lone, { ok: true, value: { traceId: 'a\uFFFDb' } });
});
