import t from 'tap';
import { routerConfig } from '../../router/config.js';

void t.test('config - nothing given is gorouter’s release, but for what a laptop needs', async (t) => {
  const parsed = routerConfig.parse(undefined, 'test');
  t.ok(parsed.ok);
  if (!parsed.ok) return;
  t.match(parsed.value, {
    listeners: { plain: { host: '127.0.0.1', port: 8080 }, tls: undefined },
    registrar: { index: 0, hosts: ['127.0.0.1'], registerIntervalSeconds: 20, staleThresholdSeconds: 120 },
    table: { pruneIntervalMs: 30_000, emptyPoolMs: 0 },
    endpoints: { maxAttempts: 3, maxConnections: 500, failureMarkMs: 30_000, dialTimeoutMs: 5000 },
    startDelayMs: 0,
  });
});

void t.test('config - what is wrong is told by field', async (t) => {
  for (const [input, fields] of [
    [{ port: 70_000, backends: { max_attempts: 0 }, hosst: 'x' }, ['backends.max_attempts', 'hosst', 'port']],
    [{ endpoint_timeout: '0s', start_delay: '999999h' }, ['endpoint_timeout', 'start_delay']],
  ] as const) {
    const parsed = routerConfig.parse(input, 'test');
    t.same(parsed.ok ? [] : parsed.error.map(({ field }) => field).sort(), fields);
  }
});
