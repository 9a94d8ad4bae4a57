import t from 'tap';
import type { ProbeResult } from '../../../cell-rep/health/probe.js';
import { watchLiveness } from '../../../cell-rep/health/liveness.js';
import type { ContainerLog } from '../../../cell-rep/logs/container-log.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';

const FAILED: ProbeResult = { healthy: false, detail: 'refused' };

/** An application's start as it is watched; `app.result` is what probes find. */
const watch = (startTimeoutMs: number) => {
  const clock = createFakeClock();
  const app: { result: ProbeResult; probes: number; healthy: boolean; reason: string } = {
    result: FAILED,
    probes: 0,
    healthy: false,
    reason: '',
  };
  const lines: string[] = [];
  const log = { line: (_source: string, _stream: string, text: string) => lines.push(text) };
  const interruption = new AbortController();
  const ended = watchLiveness({
    probes: [
      {
        probe: () => {
          app.probes += 1;
          return Promise.resolve(app.result);
        },
        timings: { startTimeoutMs, intervalMs: 30_000, mayHang: false },
      },
    ],
    alreadyHealthy: false,
    clock,
    log: log as unknown as ContainerLog,
    logSource: 'HEALTH',
    signal: interruption.signal,
    onHealthy: () => (app.healthy = true),
  }).then((reason) => (app.reason = reason ?? 'interrupted'));
  return { clock, app, lines, interruption, ended };
};

t.test('liveness - an application that never passes is given up when its start time is over', async (t) => {
  const { clock, app, lines, ended } = watch(60_000);
  await clock.advance(59_999);
  t.equal(app.reason, '');
  await clock.advance(1);
  await ended;
  t.match(
    app.reason,
    /^Instance never healthy after 1m0s: Timed out after 1m0s \(\d+ attempts\) .* refused$/,
  );
  t.equal(lines.at(-1), 'Failed after 1m0s: startup health check never passed.');
  t.equal(clock.pending(), 0, 'nothing goes on');
});

t.test('liveness - time that the machine slept does not count as time to start in', async (t) => {
  const { clock, app, ended } = watch(60_000);
  await clock.advance(10_000);
  clock.oversleep(3_600_000);
  await clock.advance(40_000);
  t.equal(app.reason, '', 'it has had less than a minute');
  clock.oversleep(60_000);
  await clock.advance(5_000);
  t.equal(app.reason, '');
  await clock.advance(10_000);
  await ended;
  t.match(app.reason, /^Instance never healthy after 1m0s: /);
});

t.test('liveness - an application that wakes up with its machine may still pass', async (t) => {
  const { clock, app, interruption, ended } = watch(60_000);
  await clock.advance(50_000);
  clock.oversleep(600_000);
  app.result = { healthy: true };
  await clock.advance(2_000);
  t.ok(app.healthy);
  interruption.abort();
  await ended;
  t.equal(app.reason, 'interrupted');
  t.equal(clock.pending(), 0);
});

t.test('liveness - once it has passed, one failure ends it', async (t) => {
  const { clock, app, lines, ended } = watch(60_000);
  app.result = { healthy: true };
  await clock.advance(1_000);
  t.ok(app.healthy);
  app.result = FAILED;
  await clock.advance(30_000);
  await ended;
  t.equal(app.reason, 'Instance became unhealthy: Liveness check unsuccessful: refused');
  t.same(lines.slice(-2), ['Liveness check unsuccessful: refused', 'Container became unhealthy']);
});
