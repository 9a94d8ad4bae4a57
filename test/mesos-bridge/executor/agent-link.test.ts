import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { createHttpAgentLink } from '../../../mesos-bridge/executor/http-agent-link.js';
import type { HttpAgentLinkOptions } from '../../../mesos-bridge/executor/http-agent-link.js';
import type { ExecutorEvent, TaskStatus } from '../../../mesos-bridge/protocol/messages.js';
import { startAgentServer } from '../../support/agent-server.js';
import { eventually } from '../../support/eventually.js';

type Over = Partial<HttpAgentLinkOptions['environment']> & Pick<HttpAgentLinkOptions, 'encoding'>;

const open = async ({ encoding, ...over }: Over = {}) => {
  const agent = await startAgentServer();
  const heard: ExecutorEvent[] = [];
  const lost: string[] = [];
  const logger = createCaptureLogger();
  let disconnections = 0;
  const link = createHttpAgentLink({
    environment: {
      agentUrl: `http://${agent.endpoint()}`,
      authenticationToken: 'agents-token',
      executorId: 'e',
      frameworkId: 'f',
      recovery: { timeoutMs: 20_000, backOffMs: 50 },
      ...over,
    },
    ...(encoding && { encoding }),
    clock: createSystemClock(),
    random: createSeededRandom(1),
    logger,
  });
  link.start({
    subscription: () => ({ unacknowledgedTasks: [], unacknowledgedUpdates: [] }),
    event: (event) => void heard.push(event),
    disconnected: () => void (disconnections += 1),
    lost: (reason) => void lost.push(reason),
  });
  const types = (): (string | undefined)[] => heard.map(({ type }) => type);
  const close = async (): Promise<void> => {
    await link.stop();
    await agent.die();
  };
  return { agent, link, heard, lost, logger, types, disconnections: () => disconnections, close };
};

const status = (n: number): TaskStatus => ({
  taskId: { value: `t${n}` },
  state: 'TASK_RUNNING',
  source: 'SOURCE_EXECUTOR',
  uuid: new Uint8Array(16).fill(n),
});

for (const encoding of ['json', 'protobuf'] as const) {
  t.test(`agent link - subscribes, hears and tells in ${encoding}`, async (t) => {
    const { agent, link, types, close } = await open({ encoding });
    await eventually(() => types().includes('SUBSCRIBED'));
    t.match(agent.subscriptions(), [{ executorId: { value: 'e' }, frameworkId: { value: 'f' } }]);
    t.same(agent.authorizations, ['Bearer agents-token']);
    t.equal(await link.update(status(1)), true);
    await eventually(() => types().includes('ACKNOWLEDGED'));
    t.same(agent.told('t1'), ['RUNNING']);
    t.equal(await link.message(Buffer.from('hello')), true);
    t.equal(Buffer.from(agent.calls.at(-1)?.message?.data ?? []).toString(), 'hello');
    await close();
  });
}

t.test(
  'agent link - a call that the agent does not take is told so, and the next one is taken',
  async (t) => {
    const { agent, link, types, close } = await open();
    t.equal(await link.update(status(1)), false, 'nothing is said before the subscription');
    await eventually(() => types().includes('SUBSCRIBED'));
    agent.answers.set('UPDATE', 503);
    t.equal(await link.update(status(1)), false);
    agent.answers.clear();
    t.equal(await link.update(status(1)), true);
    await close();
  },
);

t.test('agent link - the agent dies and comes back: subscribed again', async (t) => {
  const { agent, disconnections, lost, types, close } = await open();
  await eventually(() => types().includes('SUBSCRIBED'));
  await agent.die();
  await eventually(() => disconnections() > 0);
  await agent.revive();
  await eventually(() => types().filter((type) => type === 'SUBSCRIBED').length === 2);
  t.same(lost, []);
  await close();
});

t.test('agent link - an agent that stays away for longer than the recovery time-out is lost', async (t) => {
  const { agent, lost, types, close } = await open({ recovery: { timeoutMs: 300, backOffMs: 20 } });
  await eventually(() => types().includes('SUBSCRIBED'));
  await agent.die();
  await eventually(() => lost.length > 0);
  t.match(lost[0], /^the agent is lost: /);
  await close();
});

t.test('agent link - without checkpoints the first break is the end', async (t) => {
  const { agent, lost, types, close } = await open({ recovery: undefined });
  await eventually(() => types().includes('SUBSCRIBED'));
  await agent.die();
  await eventually(() => lost.length > 0);
  await close();
  t.equal(lost.length, 1);
});

t.test('agent link - an agent that does not know the executor is not asked again', async (t) => {
  const agent = await startAgentServer();
  agent.answers.set('SUBSCRIBE', 400);
  const lost: string[] = [];
  const link = createHttpAgentLink({
    environment: {
      agentUrl: `http://${agent.endpoint()}`,
      authenticationToken: undefined,
      executorId: 'e',
      frameworkId: 'f',
      recovery: { timeoutMs: 20_000, backOffMs: 20 },
    },
    clock: createSystemClock(),
    random: createSeededRandom(1),
    logger: createCaptureLogger(),
  });
  link.start({
    subscription: () => ({ unacknowledgedTasks: [], unacknowledgedUpdates: [] }),
    event: () => undefined,
    disconnected: () => undefined,
    lost: (reason) => void lost.push(reason),
  });
  await eventually(() => lost.length > 0);
  t.match(lost, ['the agent is lost: the agent answers 400: as the test says']);
  t.same(agent.authorizations, [undefined]);
  await link.stop();
  await agent.die();
});

t.test('agent link - what is no event is told of, and what follows is heard', async (t) => {
  const { agent, logger, types, close } = await open();
  await eventually(() => types().includes('SUBSCRIBED'));
  agent.tell({ type: 'UNKNOWN' });
  agent.tell({ type: 'LAUNCH' });
  agent.tell({ type: 'SHUTDOWN' });
  await eventually(() => types().includes('SHUTDOWN'));
  t.equal(logger.named('event-unreadable').length, 2);
  await close();
});
