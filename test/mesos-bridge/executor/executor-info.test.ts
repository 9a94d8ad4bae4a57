import t from 'tap';
import { readEnvironment } from '../../../mesos-bridge/executor/environment.js';
import { executorInfo } from '../../../mesos-bridge/executor/executor-info.js';
import type { ExecutorDescription } from '../../../mesos-bridge/executor/executor-info.js';
import { enrolmentToken } from '../../../mesos-bridge/handlers/enrolment-tokens.js';
import { decode, encode } from '../../../mesos-bridge/protocol/codec.js';
import { lrpTask } from '../../support/executor-world.js';

const SECRET = 'the-bridges-own-secret';

const description = (over: Partial<ExecutorDescription> = {}): ExecutorDescription => ({
  executorId: 'outcry.abc.1',
  frameworkId: 'framework',
  name: 'outcry cell',
  command: {
    shell: 'exec ./outcry/cli/bin/outcry.mjs cell --mesos',
    uris: [{ value: 'http://files/outcry.tgz', extract: true, executable: false }],
    user: 'root',
    image: undefined,
    dataDir: '/var/lib/cells',
    environment: { Z: 'last', A: 'first' },
  },
  enrolment: {
    url: 'https://bridge:8447',
    token: enrolmentToken(SECRET, 'outcry.abc.1'),
    ca: 'PEM',
  },
  resources: [
    { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, allocationInfo: { role: 'outcry' } },
    { name: 'mem', type: 'SCALAR', scalar: { value: 128 }, allocationInfo: { role: 'outcry' } },
  ],
  shutdownGraceMs: 25_000,
  ...over,
});

const bytes = (of: ExecutorDescription): string =>
  Buffer.from(encode('ExecutorInfo', executorInfo(of), 'protobuf')).toString('hex');

const variablesOf = (of: ExecutorDescription): Record<string, string> =>
  Object.fromEntries(
    (executorInfo(of).command?.environment?.variables ?? []).map(({ name, value = '' }) => [name, value]),
  );

t.test(
  'executor info - the same bytes for one executor, whatever the order in which it is described',
  async (t) => {
    const of = description();
    const { command } = of;
    const turned = { ...command, environment: { A: 'first', Z: 'last' } };
    t.equal(bytes(of), bytes(description({ command: turned })));
    t.match(executorInfo(of), {
      type: 'CUSTOM',
      frameworkId: { value: 'framework' },
      shutdownGracePeriod: { nanoseconds: 25_000_000_000n },
      command: { shell: true, user: 'root', uris: [{ value: 'http://files/outcry.tgz', extract: true }] },
    });
  },
);

t.test('executor info - the executor understands what it is told', async (t) => {
  const environment = readEnvironment({
    MESOS_FRAMEWORK_ID: 'framework',
    MESOS_EXECUTOR_ID: 'outcry.abc.1',
    MESOS_SLAVE_ID: 'agent-S0',
    MESOS_AGENT_ENDPOINT: '[fd00::7]:5051',
    LIBPROCESS_SSL_ENABLED: '1',
    ...variablesOf(description()),
  });
  t.ok(environment.ok);
  t.match(environment.ok && environment.value, {
    address: 'fd00::7',
    agent: { overTls: true },
    dataDir: '/var/lib/cells',
    enrolment: { url: 'https://bridge:8447', ca: 'PEM', token: enrolmentToken(SECRET, 'outcry.abc.1') },
  });
  t.match(readEnvironment(variablesOf(description())), { error: /MESOS_FRAMEWORK_ID.*not set/ });
});

t.test(
  'executor info - in an image it is in the network of its machine, and its data outlive it there',
  async (t) => {
    const { command } = description();
    for (const kind of ['docker', 'mesos'] as const) {
      const image = { name: 'outcry-cell:1', kind };
      const of = description({ command: { ...command, shell: undefined, image } });
      t.match(executorInfo(of), {
        command: { shell: false },
        container: {
          type: kind === 'docker' ? 'DOCKER' : 'MESOS',
          volumes: [{ hostPath: '/var/lib/cells', containerPath: '/var/lib/outcry/executors', mode: 'RW' }],
        },
      });
      t.equal(variablesOf(of)['OUTCRY_EXECUTOR_DATA_DIR'], '/var/lib/outcry/executors');
    }
  },
);

t.test('executor info - nothing that Mesos sees is a secret, but the token that is good once', async (t) => {
  const of = description();
  const task = { ...lrpTask('one'), executor: executorInfo(of) };
  for (const encoding of ['json', 'protobuf'] as const) {
    const seen = Buffer.from(encode('TaskInfo', task, encoding)).toString('latin1');
    t.ok(seen.includes(of.enrolment.token), 'the search finds what is there');
    t.notOk(seen.includes(SECRET));
    t.ok(decode('TaskInfo', encode('TaskInfo', task, encoding), encoding).ok);
  }
  const { token, url, ca } = of.enrolment;
  const variables = variablesOf(of);
  t.same(variables, {
    A: 'first',
    OUTCRY_ENROLMENT_CA: ca,
    OUTCRY_ENROLMENT_TOKEN: token,
    OUTCRY_ENROLMENT_URL: url,
    OUTCRY_EXECUTOR_DATA_DIR: '/var/lib/cells',
    Z: 'last',
  });
});
