import t from 'tap';
import { readNatsAccess } from '../../common/adapters/nats-access.js';
import { createExecutorTemplate } from '../../mesos-bridge/bridge/executor-info.js';
import { frameworkInfo } from '../../mesos-bridge/bridge/framework-info.js';
import { mesosBridgeConfig } from '../../mesos-bridge/config.js';
import type { MesosBridgeConfig } from '../../mesos-bridge/config.js';
import { must } from '../support/bbs.js';

const MINIMAL = {
  masters: 'm1:5050,m2:5050',
  executor: { command: 'outcry cell --mesos' },
  enrolment: {
    url: 'https://bridge:9019',
    listen: { host: '0.0.0.0', port: 9019 },
    nats: '/nats.json',
    bbs: { socket: '/bbs.sock' },
  },
};

const configOf = (over: Record<string, unknown> = {}): MesosBridgeConfig =>
  must(mesosBridgeConfig.parse({ ...MINIMAL, ...over }, 'test'));

const problemsOf = (over: Record<string, unknown>): string[] => {
  const parsed = mesosBridgeConfig.parse({ ...MINIMAL, ...over }, 'test');
  return parsed.ok ? [] : parsed.error.map(({ field, problem }) => `${field}: ${problem}`);
};

const templateOf = (config: MesosBridgeConfig) =>
  createExecutorTemplate({
    ...config,
    door: { url: config.enrolment.url, ca: undefined, tokenOf: (id) => `token-of-${id}` },
  });

t.test(
  'framework - #12 #15: checkpointing, weeks to fail over, and the capabilities that the bridge has',
  async (t) => {
    const info = frameworkInfo(configOf().framework, '');
    t.match(info, { checkpoint: true, roles: ['*'], failoverTimeout: 504 * 3600 });
    t.notOk(info.id);
    t.same(
      info.capabilities?.map(({ type }) => type),
      ['MULTI_ROLE', 'PARTITION_AWARE', 'RESERVATION_REFINEMENT', 'TASK_KILLING_STATE'],
    );
    t.same(frameworkInfo(configOf().framework, 'f').id, { value: 'f' });
    t.match(problemsOf({ framework: { failover_timeout: '1m' } }), [/failover_timeout: is below 1h/]);
  },
);

t.test('executor - #38: the same id has the same info; another configuration has other ids', async (t) => {
  const [one, same] = [templateOf(configOf()), templateOf(configOf())];
  const id = one.newId('life');
  const of = { resources: one.resources, frameworkId: 'f' };
  t.same(one.info(id, of), same.info(id, of));
  t.ok(same.isOwn(id));
  const other = templateOf(configOf({ executor: { command: 'outcry cell --mesos', memory: '256M' } }));
  t.notOk(other.isOwn(id));
  t.not(other.newId('life'), id);
});

t.test('executor - #30: it has resources of its own, that no task is given', async (t) => {
  const template = templateOf(
    configOf({ executor: { command: 'x', cpu_milli: 250, memory: '64M', disk: '1G' } }),
  );
  t.same(template.needs, { cpus: 250, mem: 64_000, disk: 1_024_000 });
  const info = template.info('outcry.v.l', { resources: template.resources, frameworkId: 'f' });
  t.same(
    info.resources?.map(({ name, scalar, allocationInfo }) => [name, scalar?.value, allocationInfo?.role]),
    [
      ['cpus', 0.25, '*'],
      ['mem', 64, '*'],
      ['disk', 1024, '*'],
    ],
  );
});

t.test(
  'executor - #13 #39 #40: what runs is configured: no image is forced, nothing is privileged',
  async (t) => {
    const plain = templateOf(configOf()).info('outcry.v.l', { resources: new Map(), frameworkId: 'f' });
    t.notOk(plain.container);
    const config = configOf({ executor: { image: 'outcry/cell:1' } });
    const { container } = templateOf(config).info('outcry.v.l', { resources: new Map(), frameworkId: 'f' });
    t.match(container, { type: 'DOCKER', docker: { image: 'outcry/cell:1' } });
    t.notOk(container?.docker?.privileged);
    t.notOk(container?.docker?.forcePullImage);
  },
);

t.test('executor - Mesos sees no secret but a token that is good once', async (t) => {
  const info = templateOf(configOf()).info('outcry.v.l', { resources: new Map(), frameworkId: 'f' });
  const text = JSON.stringify(info, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  t.match(text, /token-of-outcry\.v\.l/);
  t.notMatch(text, /nats|password|bbs/i);
});

t.test(
  'configuration - #41: masters, secrets and executors are checked before anything starts',
  async (t) => {
    t.same(problemsOf({ masters: 'zk://a:2181' }), [
      'masters: the path of the election is absent, as in zk://HOST:PORT/mesos',
    ]);
    t.match(problemsOf({ executor: {} }), [/executor\.command: is missing/]);
    t.match(problemsOf({ framework: { secret_file: '/s' } }), [/framework\.principal: is missing/]);
    t.match(problemsOf({ cells: { constraints: [['rack', 'NEAR', 'r1']] } }), [/no operator of constraints/]);
    t.match(problemsOf({ mastres: 'x' }), [/mastres: unknown key/]);
    t.throws(() => readNatsAccess('/nowhere/nats.json'), { code: 'NATS_FILE_INVALID' });
    t.equal(configOf({ masters: 'zk://u:p@a:2181,b:2181/mesos' }).masters.is, 'zookeeper');
  },
);
