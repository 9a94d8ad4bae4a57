import t from 'tap';
import { createExecutorTemplate } from '../../../mesos-bridge/bridge/executor-info.js';
import { enrolmentToken } from '../../../mesos-bridge/bridge/enrolment-secret.js';
import { mesosBridgeConfig } from '../../../mesos-bridge/config.js';
import { newLife, launchedAt } from '../../../mesos-bridge/core/executor-life.js';
import { readEnvironment } from '../../../mesos-bridge/executor/environment.js';
import { encode } from '../../../mesos-bridge/protocol/codec.js';
import { must } from '../../support/bbs.js';
import { lrpTask } from '../../support/executor-world.js';

const SECRET = 'the-bridges-own-secret';

const made = () => {
  const { executor, framework } = must(
    mesosBridgeConfig.parse(
      {
        masters: '127.0.0.1:5050',
        executor: {
          command: 'exec outcry cell --mesos',
          environment: { OUTCRY_EXECUTOR_DATA_DIR: '/var/cells' },
        },
        enrolment: { url: 'https://bridge:8447' },
      },
      'test',
    ),
  );
  const door = {
    url: 'https://bridge:8447',
    ca: 'PEM',
    tokenOf: (executorId: string) => enrolmentToken(SECRET, executorId),
  };
  const template = createExecutorTemplate({ executor, framework, door });
  const executorId = template.newId(newLife(1_700_000_000_000, 'one'));
  return { executorId, info: template.info(executorId, template.resources), token: door.tokenOf(executorId) };
};

t.test('executor info - the executor understands what it is told', async (t) => {
  const { executorId, info, token } = made();
  t.equal(launchedAt(executorId), 1_700_000_000_000);
  const variables = info.command?.environment?.variables ?? [];
  const told = Object.fromEntries(variables.map(({ name, value = '' }) => [name, value]));
  const environment = readEnvironment({
    MESOS_FRAMEWORK_ID: 'framework',
    MESOS_EXECUTOR_ID: executorId,
    MESOS_SLAVE_ID: 'agent-S0',
    MESOS_AGENT_ENDPOINT: '[fd00::7]:5051',
    LIBPROCESS_SSL_ENABLED: '1',
    ...told,
  });
  t.match(environment, {
    ok: true,
    value: {
      address: 'fd00::7',
      agentTls: true,
      dataDir: '/var/cells',
      enrolment: { url: 'https://bridge:8447', ca: 'PEM', token },
    },
  });
  t.match(readEnvironment(told), { ok: false, error: /MESOS_FRAMEWORK_ID.* not set/ });
});

t.test('executor info - nothing that Mesos sees is a secret, but the token that is good once', async (t) => {
  const { info, token } = made();
  for (const encoding of ['json', 'protobuf'] as const) {
    const seen = Buffer.from(encode('TaskInfo', { ...lrpTask('one'), executor: info }, encoding)).toString(
      'latin1',
    );
    t.ok(seen.includes(token), 'the search finds what is there');
    t.notOk(seen.includes(SECRET));
  }
  t.same(info.command?.environment?.variables?.map(({ name }) => name).toSorted(), [
    'OUTCRY_ENROLMENT_CA',
    'OUTCRY_ENROLMENT_TOKEN',
    'OUTCRY_ENROLMENT_URL',
    'OUTCRY_EXECUTOR_DATA_DIR',
  ]);
});
