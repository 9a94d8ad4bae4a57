/** A rep over HTTP, held to what was recorded between Diego's auctioneer, BBS and rep. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Pool } from 'undici';
import { cellRepConfig } from '../../cell-rep/config.js';
import { createRepDoor } from '../../cell-rep/handlers/rep-door.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { connectionTo } from '../../common/runtime/endpoint.js';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { createTestAuthority } from '../support/certificates.js';
import { desiredLrp, pendingTask } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';
import type { RepWorld, RunningRep } from '../support/rep.js';

type Test = { teardown(task: () => unknown): unknown };

interface Exchange {
  step: string;
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  status: number;
  contentType: string;
  request: string;
  response: string;
}

const EXCHANGES = JSON.parse(
  readFileSync(join(packageRoot(), 'test/fixtures/rep/exchanges.json'), 'utf8'),
) as Exchange[];

const recorded = (step: string, path: string): Exchange => {
  const found = EXCHANGES.find((one) => one.step === step && one.path.endsWith(path));
  if (found === undefined) throw new Error(`${step} ${path} was not recorded`);
  return found;
};

/** The cell of the recordings. */
const RECORDED_CELL = {
  zone: 'z1',
  memory: '4096M',
  disk: '65536M',
  max_containers: 50,
  volume_drivers: { nfsv3driver: { root: '/srv/nfs' } },
  optional_placement_tags: ['ssd'],
  proxy_memory_mb: 32,
};

const clock = createSystemClock();

interface Door extends RunningRep {
  ask(request: { method?: string; path: string; body?: string }): Promise<{
    status: number;
    type: string;
    text: string;
  }>;
  socket: string;
}

const openDoor = async (
  t: Test,
  given: { world?: RepWorld; config?: Record<string, unknown> } = {},
): Promise<Door> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-rep-door-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const socket = join(dir, 'rep.sock');
  const rep = await startRep(given.world, { ...RECORDED_CELL, listen: { socket }, ...given.config });
  t.teardown(rep.stop);
  const { origin, options } = connectionTo(
    { socketPath: socket },
    { what: 'rep', clock, logger: rep.logger },
  );
  const pool = new Pool(origin, options);
  t.teardown(() => pool.destroy());
  return {
    ...rep,
    socket,
    async ask({ method = 'GET', path, body = '' }) {
      const headers = { 'x-vcap-request-id': 'trace-1' };
      const answer = await pool.request({
        path,
        method: method as 'GET',
        headers,
        ...(body !== '' && { body }),
      });
      const type = String(answer.headers['content-type'] ?? '');
      return { status: answer.statusCode, type, text: await answer.body.text() };
    },
  };
};

const replay = ({ method, path, request }: Exchange) => ({ method, path, body: request });

interface ToldState {
  LRPs: Record<string, unknown>[];
  Tasks: Record<string, unknown>[];
  [key: string]: unknown;
}

t.test('rep door - the state of an empty cell is byte for byte what was recorded', async (t) => {
  const door = await openDoor(t);
  const { response, contentType } = recorded('desire-lrp', '/state');
  const { status, text, type } = await door.ask({ path: '/state' });
  const layered = '"preloaded+layer":{"set":{"cflinuxfs4":{}},"type":"fixed_set"}';
  const expected = response
    .replace('"rep_url":"http://127.0.0.1:18000"', '"rep_url":""')
    .replace('"docker":{"type":"arbitrary"},', '')
    .replace(`,${layered}`, '');
  t.equal(text, expected);
  t.same([status, type], [200, contentType]);
  t.equal(statSync(door.socket).mode & 0o777, 0o600);
});

t.test('rep door - rootfs providers are told in order of their names', async (t) => {
  const providers = { 'preloaded+layer': ['cflinuxfs4'], preloaded: ['cflinuxfs4'], oci: [] };
  const door = await openDoor(t, { config: { rootfs_providers: providers } });
  const { text } = await door.ask({ path: '/state' });
  t.match(
    text,
    '"RootFSProviders":{"oci":{"type":"arbitrary"},"preloaded":{"set":{"cflinuxfs4":{}},"type":"fixed_set"},' +
      '"preloaded+layer":{"set":{"cflinuxfs4":{}},"type":"fixed_set"}}',
  );
});

t.test('rep door - recorded work is taken, and told of in the state', async (t) => {
  const world = createWorld();
  const door = await openDoor(t, { world });
  // claims wait, so that what was taken stays
  world.bbs.away = true;
  for (const step of ['desire-lrp', 'desire-lrp-minimal', 'task-desire']) {
    const work = recorded(step, '/work');
    const { status, text, type } = await door.ask(replay(work));
    t.same([status, text, type], [work.status, work.response, work.contentType], step);
  }
  const told = JSON.parse((await door.ask({ path: '/state' })).text) as ToldState;
  const before = JSON.parse(recorded('desire-lrp-minimal', '/state').response) as ToldState;
  const shape = ({ LRPs }: ToldState) =>
    LRPs.filter((lrp) => lrp['process_guid'] === 'app-one')
      .map((lrp) => ({ ...lrp, instance_guid: '', MemoryMB: 0, PlacementTags: lrp['PlacementTags'] ?? [] }))
      .map((lrp) => JSON.stringify(lrp))
      .sort();
  t.same(shape(told), shape(before), 'every key of an instance, in the same order');
  t.same(told.LRPs.map(({ MemoryMB }) => MemoryMB).sort(), [288, 288, 96], 'with the memory of its proxy');
  t.ok(told.LRPs.every(({ instance_guid: guid }) => typeof guid === 'string' && guid.length === 28));
  const task = JSON.parse(recorded('task-desire', '/work').request) as ToldState;
  t.same(
    told.Tasks.map((one) => ({ ...one })),
    (task['Tasks'] as object[]).map((one) => ({ ...one, PlacementTags: [], state: 'Running' })),
  );
  t.equal(told['StartingContainerCount'], 4);
  t.match(told['AvailableResources'], { Containers: 46 });
});

t.test('rep door - refused work is sent back as it came', async (t) => {
  const door = await openDoor(t, { config: { max_containers: 1 } });
  door.bbs.away = true;
  const first = await door.ask(replay(recorded('desire-lrp-minimal', '/work')));
  t.equal(first.text, '{"LRPs":null,"Tasks":null}\n');
  const refused = recorded('lrp-refused-by-cell', '/work');
  const { status, text, type } = await door.ask(replay(refused));
  t.same([status, text, type], [refused.status, refused.response, refused.contentType]);
});

t.test('rep door - the largest is taken first; an evacuating cell takes nothing', async (t) => {
  const door = await openDoor(t, { config: { memory: '500M', proxy_memory_mb: 0 } });
  door.bbs.away = true;
  const lrp = (process_guid: string, MemoryMB: number) => ({
    process_guid,
    index: 0,
    domain: 'd',
    RootFs: 'preloaded:cflinuxfs4',
    MemoryMB,
  });
  const LRPs = [lrp('small', 200), lrp('large', 400), lrp('tiny', 50)];
  const work = { method: 'POST', path: '/work', body: JSON.stringify({ LRPs, Tasks: [] }) };
  t.same(JSON.parse((await door.ask(work)).text), { LRPs: [LRPs[0]], Tasks: null });
  door.rep.cell.evacuate({ traceId: '' });
  t.same(JSON.parse((await door.ask(work)).text), { LRPs: [LRPs[1], LRPs[0], LRPs[2]], Tasks: null });
  t.match((await door.ask({ path: '/state' })).text, '"Evacuating":true');
});

for (const [what, body, status, text] of [
  ['no JSON', '{', 400, /^invalid work: .*JSON/],
  ['no object', '[]', 400, /^invalid work: the body must be an object/],
  ['a wrong type', '{"LRPs":[{"index":"0"}]}', 400, /^invalid work: LRPs\[0\]\.index must be a whole number/],
  ['another cell', '{"cell_id":"cell-2"}', 500, /^workload cell ID does not match this cell\n$/],
  ['nothing to do', '{}', 200, /^\{"LRPs":null,"Tasks":null\}\n$/],
  ['a guid that is none', '{"LRPs":[{"process_guid":"../x"}]}', 200, /"process_guid":"\.\.\/x"/],
] as const) {
  t.test(`rep door - work: ${what}`, async (t) => {
    const door = await openDoor(t);
    const answer = await door.ask({ method: 'POST', path: '/work', body });
    t.equal(answer.status, status);
    t.match(answer.text, text);
    t.equal(door.rep.cell.containers().length, 0);
  });
}

t.test('rep door - an instance is updated and stopped, a task cancelled', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app-one', desiredLrp({ processGuid: 'app-one' }));
  world.bbs.allTasks.set('task-three', pendingTask({ taskGuid: 'task-three' }));
  const door = await openDoor(t, { world });
  door.workLrp({ processGuid: 'app-one' });
  await door.until(() => world.bbs.starts.length === 1, 'started');
  const guid = door.only().guid;
  const change = recorded('update-desired-lrp-internal-routes', '/ig-app-one-0');
  for (const [version, expected] of [
    ['v2', 2],
    ['v1', 2],
  ] as const) {
    const path = change.path.replace('ig-app-one-0', guid).replace('v2', version);
    const { status, text } = await door.ask({ ...replay(change), path });
    t.same([status, text], [change.status, change.response]);
    await door.until(() => world.bbs.starts.length >= expected, 'told');
    t.same(world.bbs.starts.at(-1)?.internalRoutes, [{ hostname: 'internal.apps.internal' }]);
  }
  const unknown = await door.ask(replay(change));
  t.same([unknown.status, unknown.text], [404, 'no such instance on this cell\n']);
  t.equal((await door.ask({ ...replay(change), body: '{"index":1.5}' })).status, 400);

  door.workTask({ taskGuid: 'task-three' });
  await door.until(
    () => world.runtime.containers.get('task-three')?.processes.has('main') === true,
    'the task',
  );
  const cancel = recorded('task-start-and-cancel-running', '/cancel');
  const cancelled = await door.ask(replay(cancel));
  t.same([cancelled.status, cancelled.text, cancelled.type], [202, '', '']);
  await door.until(() => !world.runtime.containers.has('task-three'), 'cancelled');

  const stop = recorded('update-desired-lrp-scale-down', '/stop');
  t.equal((await door.ask(replay(stop))).status, 202, 'one that is not here: as well');
  const stopped = await door.ask({ ...replay(stop), path: stop.path.replace('ig-app-one-1', guid) });
  t.same([stopped.status, stopped.text], [stop.status, stop.response]);
  await door.until(() => world.bbs.calls.includes('remove app-one.0'), 'removed');
});

t.test('rep door - states of instances: claimed, running, and ended one way or the other', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp({ instances: 2 }));
  const door = await openDoor(t, { world });
  const states = async (): Promise<unknown[]> =>
    (JSON.parse((await door.ask({ path: '/state' })).text) as ToldState).LRPs.map(({ state }) => state);
  world.bbs.away = true;
  door.workLrp();
  t.same(await states(), ['CLAIMED']);
  world.bbs.away = false;
  await door.until(() => world.bbs.starts.length === 1, 'started');
  t.same(await states(), ['RUNNING']);
  const first = door.only();
  first.destroy = () => Promise.reject(new Error('busy'));
  first.main().exit({ code: 1 });
  await door.until(() => door.rep.cell.known()[0]?.state === 'completed', 'ended');
  t.same(await states(), ['CRASHED']);
  door.workLrp({ placementId: 'second', index: 1 });
  await door.until(() => world.bbs.starts.length === 2, 'started');
  const second = [...world.runtime.containers.values()].find(({ guid }) => guid !== first.guid);
  if (second === undefined) throw new Error('no second container');
  second.destroy = () => Promise.reject(new Error('busy'));
  void door.rep.cell.container(second.guid)?.stop('requested');
  await door.until(() => door.rep.cell.known()[1]?.state === 'completed', 'stopped');
  t.same(await states(), ['CRASHED', 'SHUTDOWN']);
});

t.test('rep door - what containers take, with the keys that were recorded', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.bbs.allTasks.set('task', pendingTask());
  const door = await openDoor(t, { world });
  const empty = await door.ask({ path: '/container_metrics' });
  t.equal(empty.text, '{"cell_id":"cell-1","lrps":null,"tasks":null}\n');
  door.workLrp();
  door.workTask();
  const bothRun = (): boolean =>
    door.rep.cell.known().filter(({ state }) => state === 'running').length === 2;
  await door.until(bothRun, 'both run');
  await world.clock.advance(2_000);
  const before = recorded('rep-container-metrics', '/container_metrics');
  const { status, type, text } = await door.ask({ path: '/container_metrics' });
  t.same([status, type], [before.status, before.contentType]);
  const told = JSON.parse(text) as { lrps: object[]; tasks: object[] };
  const [known] = (JSON.parse(before.response) as { lrps: object[] }).lrps;
  t.same(Object.keys(told.lrps[0] ?? {}), Object.keys(known ?? {}));
  t.match(told.lrps, [{ process_guid: 'app', index: 0, memory_quota_bytes: 64 * 1024 * 1024 }]);
  t.match(told.tasks, [{ task_guid: 'task', disk_quota_bytes: 64 * 1024 * 1024 }]);
});

t.test('rep door - an unhealthy runtime: 503, and the state all the same', async (t) => {
  const door = await openDoor(t);
  door.runtime.becomeHealthy(false);
  const { status, text } = await door.ask({ path: '/state' });
  t.equal(status, 503);
  t.match(JSON.parse(text), { cell_id: 'cell-1', LRPs: [] });
});

t.test('rep door - what nobody knows, and too much of it', async (t) => {
  const door = await openDoor(t);
  t.same(await door.ask({ path: '/nothing' }), {
    status: 404,
    type: 'text/plain; charset=utf-8',
    text: '404 page not found\n',
  });
  t.equal((await door.ask({ path: '/work' })).status, 405);
  t.equal((await door.ask({ method: 'POST', path: '/v1/tasks/%E0%A4/cancel' })).status, 400);
  const large = await door.ask({ method: 'POST', path: '/work', body: 'x'.repeat(5_000_000) }).then(
    ({ status }) => status,
    // the connection is closed on whoever goes on sending
    () => 413,
  );
  t.equal(large, 413);
});

t.test('rep door - a cell whose id another one holds does nothing in its name', async (t) => {
  const door = await openDoor(t);
  door.bbs.leaseHolder = 'another';
  await door.until(() => !door.rep.cell.state().placeable, 'told', 500);
  const { status, text } = await door.ask(replay(recorded('desire-lrp', '/work')));
  t.equal(status, 503);
  t.match(text, /cell-1 does not hold its presence/);
  t.equal((await door.ask({ path: '/state' })).status, 503, 'and takes no work');
});

t.test('rep door - over TCP with mutual TLS, for the roles that it names', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-rep-tls-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const authority = await createTestAuthority(dir);
  const rep = await startRep();
  t.teardown(rep.stop);
  const tls = await authority.issue('cell-1', { role: 'cell' });
  const door = createRepDoor({
    address: { host: '127.0.0.1', port: 0, tls, clients: ['auctioneer', 'bbs'] },
    cellId: 'cell-1',
    cell: rep.rep.cell,
    measuring: { measure: async () => [] },
    mayAct: () => true,
    clock,
    logger: rep.logger,
  });
  await door.start();
  t.teardown(() => door.stop());
  const statusFor = async (role: 'auctioneer' | 'router'): Promise<number> => {
    const endpoint: Endpoint = { url: door.url(), tls: await authority.issue(role, { role }) };
    const { origin, options } = connectionTo(endpoint, { what: 'rep', clock, logger: rep.logger });
    const pool = new Pool(origin, options);
    try {
      const { statusCode, body } = await pool.request({ path: '/state', method: 'GET' });
      await body.dump();
      return statusCode;
    } finally {
      await pool.destroy();
    }
  };
  t.equal(await statusFor('auctioneer'), 200);
  t.equal(await statusFor('router'), 403);
});

t.test('rep door - its url follows from where it listens', async (t) => {
  const tls = { cert: 'c', key: 'k', ca: 'a' };
  const parse = (over: Record<string, unknown>) => cellRepConfig.parse({ cell_id: 'c', ...over }, 'test');
  const listen = { host: '0.0.0.0', port: 1801, tls };
  t.match(parse({ listen, address: '10.0.0.7' }), { value: { repUrl: 'https://10.0.0.7:1801' } });
  const rep_url = 'https://c.cell.service.cf.internal:1801';
  t.match(parse({ listen, rep_url }), { value: { repUrl: rep_url } });
  t.match(parse({ listen: { socket: '/x' } }), { value: { repUrl: '' } });
  t.match(parse({}), { value: { repUrl: '', listen: undefined } });
  t.notOk(parse({ rep_url }).ok, 'nobody listens there');
  t.notOk(parse({ listen: { host: '0.0.0.0', port: 1801 } }).ok, 'without certificates');
});
