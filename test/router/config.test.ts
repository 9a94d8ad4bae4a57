import t from 'tap';
import { compileRouterConfig } from '../../router/config.js';

void t.test('config - nothing given is gorouter’s release, but for what a laptop needs', async (t) => {
  const compiled = compileRouterConfig();
  t.ok(compiled.ok);
  if (!compiled.ok) return;
  t.match(compiled.value, {
    listen: { host: '127.0.0.1', port: 8080 },
    registrar: { index: 0, hosts: ['127.0.0.1'], registerIntervalSeconds: 20, staleThresholdSeconds: 120 },
    table: { pruneIntervalMs: 30_000, emptyPoolMs: 0 },
    endpoints: { maxAttempts: 3, maxConnections: 500, failureMarkMs: 30_000, dialTimeoutMs: 5000 },
    startDelayMs: 0,
  });
});

void t.test(
  'config - what is wrong is told by field, all at once, and the input is left alone',
  async (t) => {
    const input = { port: 70_000, maxAttempts: 0, hosst: 'x' };
    const compiled = compileRouterConfig(input);
    t.notOk(compiled.ok);
    if (compiled.ok) return;
    t.same(compiled.error.map(({ field }) => field).sort(), ['hosst', 'maxAttempts', 'port']);
    t.same(input, { port: 70_000, maxAttempts: 0, hosst: 'x' });
  },
);
