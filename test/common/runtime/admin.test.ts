import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Pool } from 'undici';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createPrometheusMetrics } from '../../../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { Metrics } from '../../../common/ports/metrics.js';
import { createAdminServer } from '../../../common/runtime/admin.js';
import type { AdminPages } from '../../../common/runtime/admin.js';
import type { DoorAddress } from '../../../common/runtime/door.js';
import { connectionTo } from '../../../common/runtime/endpoint.js';
import type { Endpoint } from '../../../common/runtime/endpoint.js';
import { createGroup } from '../../../common/runtime/group.js';
import { createPhase, healthOf } from '../../../common/runtime/health.js';
import type { Health } from '../../../common/runtime/health.js';
import { createTestAuthority } from '../../support/certificates.js';
import { samplesIn } from '../../support/metrics.js';

type Test = { teardown(task: () => unknown): unknown };

const clock = createSystemClock();
const HEALTHY = healthOf([], { cells: 3 });

const tempDir = async (t: Test): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-admin-'));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
};

interface Given {
  address?: DoorAddress;
  pages?: AdminPages;
  health?: () => Health;
  metrics?: Metrics;
}

const open = async (t: Test, { address, health = () => HEALTHY, metrics, pages }: Given = {}) => {
  const logger = createCaptureLogger();
  const at = address ?? { socketPath: join(await tempDir(t), 'admin.sock') };
  const shown = metrics ?? createPrometheusMetrics({ logger });
  const server = createAdminServer({
    address: at,
    what: 'bbs',
    clock,
    logger,
    metrics: shown,
    health,
    pages,
  });
  await server.start();
  t.teardown(() => server.stop());
  const ask = async (
    path: string,
    { method = 'GET' as const, endpoint = at as Endpoint, body = '' }: Asked = {},
  ) => {
    const { origin, options } = connectionTo(endpoint, { what: 'client', clock, logger });
    const pool = new Pool(origin, options);
    try {
      const answer = await pool.request({ path, method, ...(body !== '' && { body }) });
      const text = await answer.body.text();
      return { status: answer.statusCode, headers: answer.headers, text };
    } finally {
      await pool.destroy();
    }
  };
  return { ask, server, logger, at };
};

interface Asked {
  method?: 'GET' | 'POST' | 'HEAD' | 'DELETE';
  endpoint?: Endpoint;
  body?: string;
}

t.test('admin - tells health and metrics on a unix socket of its own account', async (t) => {
  const metrics = createPrometheusMetrics({ logger: createCaptureLogger() });
  metrics.counter('RequestCount', { help: 'Requests.' }).increment();
  const { ask, at } = await open(t, { metrics });
  const health = await ask('/health');
  t.equal(health.status, 200);
  t.same(JSON.parse(health.text), { healthy: true, component: 'bbs', cells: 3 });
  const page = await ask('/metrics?any=thing');
  t.equal(page.status, 200);
  t.match(page.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  t.same(samplesIn(page.text), { RequestCount: 1 });
  t.equal((await stat((at as { socketPath: string }).socketPath)).mode & 0o777, 0o600);
});

t.test('admin - a component adds what its operator may ask of it', async (t) => {
  let asked = 0;
  const pages: AdminPages = {
    '/ping': { method: 'GET', answer: () => ({ status: 200, body: {} }) },
    '/evacuate': {
      method: 'POST',
      answer: () => ({ status: 202, body: { asked: (asked += 1) } }),
    },
  };
  const { ask } = await open(t, { pages });
  t.equal((await ask('/ping')).status, 200);
  const wrong = await ask('/evacuate');
  t.same([wrong.status, wrong.headers['allow'], asked], [405, 'POST', 0]);
  t.match(JSON.parse(wrong.text), { reason: '/evacuate is asked for with POST, not GET' });
  const done = await ask('/evacuate', { method: 'POST' });
  t.same([done.status, done.text], [202, '{"asked":1}']);
  t.match((await ask('/nothing')).text, '/health, /metrics, /ping and /evacuate');
});

t.test('admin - what is not healthy is told with 503 and the reasons', async (t) => {
  const { ask } = await open(t, {
    health: () => healthOf([false, 'the bus is not connected', '', 'the store is lost'], { bus: false }),
  });
  const { status, text } = await ask('/health');
  t.equal(status, 503);
  t.same(JSON.parse(text), {
    healthy: false,
    component: 'bbs',
    reason: 'the bus is not connected; the store is lost',
    bus: false,
  });
  t.equal((await ask('/health', { method: 'HEAD' })).status, 503);
});

t.test('admin - other paths and methods are refused in JSON, with a reason', async (t) => {
  const { ask } = await open(t);
  const unknown = await ask('/metric');
  t.equal(unknown.status, 404);
  t.match(JSON.parse(unknown.text), { error: 'NotFound', reason: /\/health and \/metrics/ });
  for (const method of ['POST', 'DELETE'] as const) {
    const wrong = await ask('/metrics', { method, body: method === 'POST' ? 'no JSON' : '' });
    t.equal(wrong.status, 405);
    t.equal(wrong.headers['allow'], 'GET, HEAD');
    t.match(JSON.parse(wrong.text), {
      error: 'MethodNotAllowed',
      reason: `/metrics is read with GET, not ${method}`,
    });
  }
  for (const path of ['/%zz', '/toString', '/']) t.equal((await ask(path)).status, 404, path);
});

t.test(
  'admin - health that cannot be told is bad health; metrics that cannot be shown are told so',
  async (t) => {
    const broken = (): never => {
      throw new Error('no pulse');
    };
    const metrics = { ...createPrometheusMetrics({ logger: createCaptureLogger() }), scrape: broken };
    const { ask, logger } = await open(t, { health: broken, metrics });
    const health = await ask('/health');
    t.equal(health.status, 503);
    t.match(JSON.parse(health.text), { healthy: false, reason: /no pulse/ });
    const page = await ask('/metrics');
    t.equal(page.status, 500);
    t.match(JSON.parse(page.text), { reason: 'no pulse' });
    t.equal(logger.named('request-failed').length, 1);
  },
);

t.test('admin - answers while the component starts, runs and stops', async (t) => {
  const phase = createPhase('bbs');
  const { ask } = await open(t, { health: () => healthOf([phase.whyNot()], {}) });
  const seen: unknown[] = [];
  const look = async (): Promise<void> => void seen.push(JSON.parse((await ask('/health')).text).reason);
  const slow = { name: 'slow', start: look, stop: look };
  const group = createGroup([slow, phase.member], createCaptureLogger());
  await group.start();
  await look();
  await group.stop();
  t.same(seen, ['bbs is starting', undefined, 'bbs is stopping']);
});

t.test('admin - over TCP it opens to certificates of its authority alone', async (t) => {
  const dir = await tempDir(t);
  const authority = await createTestAuthority(dir);
  const address = { host: '127.0.0.1', port: 0, tls: await authority.issue('server') };
  const { ask, server } = await open(t, { address });
  const url = server.url();
  t.match(url, /^https:/);
  t.equal((await ask('/health', { endpoint: { url, tls: await authority.issue('client') } })).status, 200);
  const stranger = await createTestAuthority(dir, 'other');
  const foreign = { ...(await stranger.issue('foreign')), caFile: authority.caFile };
  await t.rejects(ask('/health', { endpoint: { url, tls: foreign } }));
});
