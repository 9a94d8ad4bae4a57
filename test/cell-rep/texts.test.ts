import t from 'tap';
import type { BbsErrorType } from '../../common/model/bbs-error.js';
import { exitLine, exitReason, timeoutReason } from '../../cell-rep/core/exit-texts.js';
import { goDuration } from '../../cell-rep/core/go-duration.js';
import {
  HEALTH_TEXTS,
  checkTimings,
  httpDetail,
  monitorTimings,
  startProbeDelay,
  tcpDetail,
} from '../../cell-rep/core/health-plan.js';
import { planSync } from '../../cell-rep/core/sync-plan.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import { afterLrpAnswer, lrpReport, mayBecome, taskReport } from '../../cell-rep/core/life-cycle.js';
import { registrations } from '../../cell-rep/core/route-plan.js';

t.test('texts - durations are printed as Go prints them', async (t) => {
  const table: [number, string][] = [
    [0, '0s'],
    [50, '50ms'],
    [1002, '1.002s'],
    [60_000, '1m0s'],
    [60_500, '1m0.5s'],
    [3_600_000, '1h0m0s'],
  ];
  for (const [ms, text] of table) t.equal(goDuration(ms), text);
});

t.test('texts - checks speak as Diego’s health check does', async (t) => {
  t.equal(
    tcpDetail('10.0.0.1:8080', { kind: 'refused' }),
    'failed to make TCP connection to 10.0.0.1:8080: dial tcp 10.0.0.1:8080: connect: connection refused',
  );
  t.equal(
    tcpDetail('10.0.0.1:8080', { kind: 'timed-out', ms: 1000 }),
    'failed to make TCP connection to 10.0.0.1:8080: timed out after 1.00 seconds',
  );
  const target = { path: '/health', port: 8080 };
  t.equal(
    httpDetail(target, { kind: 'refused' }),
    "failed to make HTTP request to '/health' on port 8080: connection refused",
  );
  t.equal(
    httpDetail(target, { kind: 'timed-out', ms: 1000 }),
    "failed to make HTTP request to '/health' on port 8080: timed out after 1.00 seconds",
  );
  t.equal(
    httpDetail(target, { kind: 'status', status: 500, ms: 12 }),
    "failed to make HTTP request to '/health' on port 8080: received status code 500 in 12ms",
  );
  t.equal(
    HEALTH_TEXTS.neverHealthy(60_000, HEALTH_TEXTS.startupTimedOut(60_000, 31, 'X')),
    'Instance never healthy after 1m0s: Timed out after 1m0s (31 attempts) waiting for startup check to succeed: X',
  );
});

t.test('texts - exits', async (t) => {
  const exit = { code: 137, signal: 9, outOfMemory: true, lost: false };
  t.equal(
    exitLine(exit, 10_000),
    'Exit status 137 (exceeded 10s graceful shutdown interval) (out of memory)',
  );
  t.equal(exitLine(exit), 'Exit status 137 (out of memory)');
  t.equal(
    exitLine({ ...exit, outOfMemory: false }, 10_000),
    'Exit status 137 (exceeded 10s graceful shutdown interval)',
  );
  t.equal(exitReason('APP', exit), 'APP: Exited with status 137 (out of memory)');
  const full = { ...exit, outOfMemory: false, outOfDisk: true as const };
  t.equal(exitReason('APP', full), 'APP: Exited with status 137 (out of disk)');
  t.equal(exitLine({ ...full, code: 0 }), 'Exit status 0', 'it had ended by itself');
  t.equal(timeoutReason(1500, 'X'), 'exceeded 1.5s timeout; X');
});

t.test('health - probes come fast at first, then every two seconds; defaults are Diego’s', async (t) => {
  t.same(
    [1, 2, 3, 4, 5, 6, 7, 8, 100].map(startProbeDelay),
    [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000],
  );
  t.same(checkTimings({ tcpCheck: { port: 1, connectTimeoutMs: 0, intervalMs: 0 } }, 0), {
    startTimeoutMs: 60_000,
    intervalMs: 30_000,
    mayHang: false,
  });
  t.same(checkTimings({ httpCheck: { port: 1, requestTimeoutMs: 0, path: '', intervalMs: 5 } }, 7), {
    startTimeoutMs: 7,
    intervalMs: 5,
    mayHang: false,
  });
  const monitor = { startTimeoutMs: 0, intervalMs: 30_000, mayHang: true };
  t.same(monitorTimings(0), monitor, 'a monitor may take for ever to pass first');
});

t.test('life cycle - only forwards, completed from everywhere', async (t) => {
  t.ok(mayBecome('reserved', 'initializing'));
  t.ok(mayBecome('reserved', 'completed'));
  t.notOk(mayBecome('running', 'created'));
  t.notOk(mayBecome('reserved', 'running'));
  t.notOk(mayBecome('completed', 'completed'));
});

t.test('life cycle - what the board is told of each state', async (t) => {
  const ended = { failed: true, reason: 'why', stopped: false, retryable: false };
  for (const state of ['reserved', 'initializing', 'created'] as const)
    t.same(lrpReport({ state }, false), { call: 'claim' });
  t.same(lrpReport({ state: 'running' }, false), { call: 'start' });
  t.same(lrpReport({ state: 'completed', outcome: ended }, false), { call: 'crash', reason: 'why' });
  const stopped = { ...ended, stopped: true };
  t.same(lrpReport({ state: 'completed', outcome: stopped }, false), { call: 'remove' });
  t.same(taskReport('completed', ended), { call: 'complete', failed: true, reason: 'why' });
  t.same(taskReport('completed', { ...ended, retryable: true }), { call: 'reject', reason: 'why' });
  t.same(taskReport('completed', { ...ended, stopped: true }), { call: 'nothing' });
});

t.test('life cycle - what the board is told of each state on a cell that drains', async (t) => {
  const ended = { failed: true, reason: 'why', stopped: false, retryable: false };
  for (const state of ['reserved', 'initializing', 'created'] as const)
    t.same(lrpReport({ state }, true), { call: 'evacuate-claimed' });
  t.same(lrpReport({ state: 'running' }, true), { call: 'evacuate-running' });
  t.same(lrpReport({ state: 'completed', outcome: ended }, true), {
    call: 'evacuate-crashed',
    reason: 'why',
  });
  const stopped = { ...ended, stopped: true };
  t.same(lrpReport({ state: 'completed', outcome: stopped }, true), { call: 'evacuate-stopped' });
});

t.test('life cycle - what each answer of the board means', async (t) => {
  const error = (type: BbsErrorType, unavailable?: true) => ({
    ok: false as const,
    error: { type, message: '', ...(unavailable && { unavailable }) },
  });
  const told = <T extends boolean | undefined>(value: T) => ({ ok: true as const, value });
  t.equal(afterLrpAnswer('claim', told(undefined)), 'go-on');
  t.equal(afterLrpAnswer('claim', error('ActualLRPCannotBeClaimed')), 'drop');
  t.equal(afterLrpAnswer('start', error('ActualLRPCannotBeStarted')), 'stop');
  t.equal(afterLrpAnswer('crash', error('ResourceNotFound')), 'done');
  t.equal(afterLrpAnswer('crash', error('Deadlock')), 'retry');
  t.equal(afterLrpAnswer('remove', error('ResourceNotFound', true)), 'retry');
  t.equal(afterLrpAnswer('evacuate-running', told(true)), 'go-on');
  t.equal(afterLrpAnswer('evacuate-running', told(false)), 'delete');
  t.equal(afterLrpAnswer('evacuate-running', error('InvalidRequest')), 'go-on', 'kept when in doubt');
  t.equal(afterLrpAnswer('evacuate-running', error('Deadlock')), 'retry');
  for (const call of ['evacuate-claimed', 'evacuate-stopped', 'evacuate-crashed'] as const) {
    t.equal(afterLrpAnswer(call, told(false)), 'done');
    t.equal(afterLrpAnswer(call, error('ResourceNotFound')), 'done');
  }
});

t.test(
  'sync - judges by what was known before the board was asked, and spares what is known since',
  async (t) => {
    const row = (
      instanceGuid: string,
      state: ActualLrp['state'],
      presence: ActualLrp['presence'] = 'ORDINARY',
    ) => ({ instanceGuid, state, presence, processGuid: 'p', index: 0, domain: 'd' }) as ActualLrp;
    const container = (guid: string, state: 'reserved' | 'running' | 'completed') => ({
      guid,
      kind: 'lrp' as const,
      state,
    });
    const plan = planSync({
      cellId: 'c',
      before: [
        container('running', 'running'),
        container('young', 'reserved'),
        container('ended', 'running'),
      ],
      now: [container('running', 'running'), container('young', 'running'), container('new', 'running')],
      rows: [
        row('gone', 'RUNNING'),
        row('ended', 'RUNNING'),
        row('new', 'CLAIMED'),
        row('old', 'RUNNING', 'SUSPECT'),
        row('drained', 'RUNNING', 'EVACUATING'),
      ],
      tasks: [],
      evacuating: false,
    });
    t.same(
      plan.removeRows.map(({ instanceGuid }) => instanceGuid),
      ['gone'],
    );
    t.same(
      plan.removeEvacuating.map(({ instanceGuid }) => instanceGuid),
      ['drained'],
    );
    t.ok(plan.unsettled, 'one is SUSPECT yet');
    t.same(plan.judgeLrps, ['running']);
    t.same(plan.reportLrps, []);
  },
);

t.test('routes - nonsense among the routes is left out, the rest is registered', async (t) => {
  const instance = {
    processGuid: 'p',
    instanceGuid: 'i',
    index: 3,
    logGuid: '',
    address: '1.2.3.4',
    ports: [{ containerPort: 8080, hostPort: 61_000 }],
    metricTags: {},
    zone: '',
  };
  const good = {
    hostnames: ['a.b', 'c.d/path'],
    port: 8080,
    protocol: 'http2',
    options: { loadbalancing: 'x' },
  };
  const text = JSON.stringify([good, { hostnames: 'x', port: 8080 }, null, 7, { hostnames: ['e'], port: 9 }]);
  const messages = registrations({ ...instance, routes: { 'cf-router': text } });
  t.same(
    messages.map(({ uris, port, protocol, options, app }) => ({ uris, port, protocol, options, app })),
    [['a.b'], ['c.d/path']].map((uris) => ({
      uris,
      port: 61_000,
      protocol: 'http2',
      options: { loadbalancing: 'x' },
      app: undefined,
    })),
  );
  t.same(registrations({ ...instance, routes: { 'cf-router': '{not json' } }), []);
  t.same(registrations({ ...instance, routes: {} }), []);
});
