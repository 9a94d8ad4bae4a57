import t from 'tap';
import { formatDuration, parseDuration } from '../../../../mesos-bridge/protocol/duration.js';
import { readExecutorEnvironment } from '../../../../mesos-bridge/protocol/executor/environment.js';
import { readRecording } from '../../../support/mesos-recordings.js';

t.test('executor environment - as a real agent gives it', async (t) => {
  const { environment } = readRecording('12');
  const of = (executor: string) =>
    readExecutorEnvironment(
      Object.entries(environment).find(([process]) => process.startsWith(`${executor}-`))?.[1] ?? {},
    );
  t.match(of('ex-12a'), {
    ok: true,
    value: {
      executorId: 'ex-12a',
      frameworkId: /-0005$/,
      agentId: /-S0$/,
      agentEndpoint: '127.0.0.1:5161',
      sandbox: /\/runs\//,
      checkpoint: true,
      shutdownGraceMs: 5_000,
      recoveryTimeoutMs: 900_000,
      backOffMaxMs: 2_000,
      token: '',
    },
  });
  t.match(of('ex-12b'), { ok: true, value: { checkpoint: false } });
});

t.test('executor environment - what is absent is said, what is odd is passed over', async (t) => {
  const absent = readExecutorEnvironment({ MESOS_EXECUTOR_ID: 'e', MESOS_FRAMEWORK_ID: '' });
  t.match(absent, { ok: false, error: /^MESOS_FRAMEWORK_ID, MESOS_AGENT_ENDPOINT not set/ });
  const odd = readExecutorEnvironment({
    MESOS_FRAMEWORK_ID: 'f',
    MESOS_EXECUTOR_ID: 'e',
    MESOS_AGENT_ENDPOINT: 'a:1',
    MESOS_RECOVERY_TIMEOUT: 'soon',
    MESOS_EXECUTOR_AUTHENTICATION_TOKEN: 'jwt',
    LIBPROCESS_SSL_ENABLED: 'true',
    LIBPROCESS_SSL_CA_FILE: '/ca.pem',
  });
  t.match(odd, {
    ok: true,
    value: { recoveryTimeoutMs: 900_000, token: 'jwt', checkpoint: false, overTls: true, caFile: '/ca.pem' },
  });
});

t.test('durations of Mesos', async (t) => {
  const ms = {
    '15mins': 900_000,
    '2secs': 2_000,
    '250ms': 250,
    '1.5hrs': 5_400_000,
    '2weeks': 1_209_600_000,
  };
  for (const [text, value] of Object.entries(ms)) t.equal(parseDuration(text), value, text);
  t.equal(parseDuration('500us'), 0.5);
  for (const wrong of ['', '5', 'secs', '5 secs', '5sec', '1e3secs'])
    t.equal(parseDuration(wrong), undefined, wrong);
  for (const text of ['15mins', '2secs', '250ms', '3days', '2weeks', '90secs', '0ns']) {
    t.equal(formatDuration(parseDuration(text) ?? -1), text);
  }
});
