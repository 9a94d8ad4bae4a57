import t from 'tap';
import type { Test } from 'tap';
import { createCaptureLogger } from '../../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../../../common/adapters/seeded-random.js';
import { decode } from '../../../../mesos-bridge/protocol/codec.js';
import type { Encoding } from '../../../../mesos-bridge/protocol/codec.js';
import type { KnownExecutorEvent } from '../../../../mesos-bridge/protocol/events.js';
import { createExecutorClient } from '../../../../mesos-bridge/protocol/executor/client.js';
import type { ExecutorEnvironment } from '../../../../mesos-bridge/protocol/executor/environment.js';
import type { ExecutorCall, ExecutorEvent, Draft } from '../../../../mesos-bridge/protocol/messages.js';
import type { Loss } from '../../../../mesos-bridge/protocol/scheduler/loss.js';
import { eventually } from '../../../support/eventually.js';
import {
  answer,
  beginStream,
  chunk,
  recordOf,
  startRawServer,
  ZERO_CHUNK,
} from '../../../support/mesos-raw-server.js';
import type { RawRequest } from '../../../support/mesos-raw-server.js';

const SUBSCRIBED: Draft<ExecutorEvent> = {
  type: 'SUBSCRIBED',
  subscribed: {
    executorInfo: { executorId: { value: 'ex' } },
    frameworkInfo: { user: 'u', name: 'n' },
    agentInfo: { hostname: 'h', id: { value: 'S0' } },
  },
};

const launch = (id: string): Draft<ExecutorEvent> => ({
  type: 'LAUNCH',
  launch: { task: { name: id, taskId: { value: id }, agentId: { value: 'S0' } } },
});

const callIn = ({ body }: RawRequest, encoding: Encoding = 'json'): ExecutorCall => {
  const call = decode('ExecutorCall', body, encoding);
  if (!call.ok) throw new Error(call.error.detail);
  return call.value;
};

const isSubscribe = (request: RawRequest): boolean => callIn(request).type === 'SUBSCRIBE';

const say = ({ socket }: RawRequest, event: Draft<ExecutorEvent>, encoding: Encoding = 'json'): void =>
  void socket.write(chunk(recordOf('ExecutorEvent', event, encoding)));

const acknowledge = (stream: RawRequest | undefined, call: ExecutorCall): void => {
  const { taskId, uuid = new Uint8Array() } = call.update?.status ?? { taskId: { value: '' } };
  if (stream) say(stream, { type: 'ACKNOWLEDGED', acknowledged: { taskId, uuid } });
};

interface Given {
  environment?: Partial<ExecutorEnvironment>;
  encoding?: Encoding;
}

/** An agent of raw answers and an executor of it. */
const startExecutor = async (t: Test, onRequest: (request: RawRequest) => void, given: Given = {}) => {
  const server = await startRawServer(onRequest);
  const clock = createFakeClock();
  const logger = createCaptureLogger();
  const events: KnownExecutorEvent[] = [];
  const losses: Loss[] = [];
  const gone: string[] = [];
  const client = createExecutorClient({
    environment: {
      frameworkId: 'fw',
      executorId: 'ex',
      agentId: 'S0',
      agentEndpoint: server.address,
      sandbox: '/',
      checkpoint: true,
      shutdownGraceMs: 5_000,
      recoveryTimeoutMs: 60_000,
      backOffMaxMs: 2_000,
      token: '',
      overTls: false,
      caFile: '',
      ...given.environment,
    },
    encoding: given.encoding ?? 'json',
    clock,
    random: createSeededRandom(3),
    logger,
    handlers: {
      onEvent: (event) => void events.push(event),
      onLost: (loss) => void losses.push(loss),
      onGone: (error) => void gone.push(error.message),
    },
  });
  t.teardown(async () => {
    client.close();
    await server.close();
  });
  client.start();
  return { server, clock, logger, events, losses, gone, client };
};

/** Subscribes, and takes every call. */
const taking =
  (after?: (request: RawRequest) => void) =>
  (request: RawRequest): void => {
    if (!isSubscribe(request)) return answer(request, '202 Accepted');
    beginStream(request, { streamId: '' });
    say(request, SUBSCRIBED);
    after?.(request);
  };

t.test('executor client - subscribes with its token, and calls over another connection', async (t) => {
  for (const encoding of ['json', 'protobuf'] as const) {
    const onRequest = (request: RawRequest): void => {
      if (callIn(request, encoding).type !== 'SUBSCRIBE') return answer(request, '202 Accepted');
      beginStream(request, { streamId: '', encoding });
      say(request, SUBSCRIBED, encoding);
    };
    const environment = { token: 'a.b.c' };
    const { server, client, events } = await startExecutor(t, onRequest, { encoding, environment });
    await eventually(() => client.subscribed());
    const [first] = server.requests;
    t.equal(first?.line, 'POST /api/v1/executor HTTP/1.1');
    t.match(first?.headers, { authorization: 'Bearer a.b.c', connection: 'close' });
    t.match(callIn(first as RawRequest, encoding), {
      type: 'SUBSCRIBE',
      executorId: { value: 'ex' },
      frameworkId: { value: 'fw' },
    });
    t.equal(events[0]?.type, 'SUBSCRIBED');
    t.equal(await client.message(Buffer.from('hello')), undefined);
    client.update({ taskId: { value: 't' }, state: 'TASK_RUNNING', message: 'up' });
    await eventually(() => server.requests.length === 3);
    const [, message, update] = server.requests;
    t.same(Buffer.from(callIn(message as RawRequest, encoding).message?.data ?? []).toString(), 'hello');
    const status = callIn(update as RawRequest, encoding).update?.status;
    t.match(status, { state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', executorId: { value: 'ex' } });
    t.equal(status?.uuid?.length, 16);
    t.not(update?.connection, first?.connection);
    t.equal(update?.connection, message?.connection);
  }
});

t.test('executor client - what was not acknowledged is told again when the agent is back', async (t) => {
  const streams: RawRequest[] = [];
  const onRequest = taking((request) => {
    streams.push(request);
    if (streams.length === 1) for (const id of ['a', 'b', 'c']) say(request, launch(id));
  });
  const { server, client, clock, events, losses } = await startExecutor(t, onRequest);
  await eventually(() => events.length === 4);
  for (const value of ['a', 'b']) client.update({ taskId: { value }, state: 'TASK_RUNNING' });
  await eventually(() => server.requests.length === 3);
  acknowledge(streams[0], callIn(server.requests[1] as RawRequest));
  await eventually(() => events.length === 5);

  streams[0]?.socket.destroy();
  await eventually(() => losses.length === 1);
  client.update({ taskId: { value: 'b' }, state: 'TASK_FINISHED' });
  await clock.advance(2_000);
  await eventually(() => client.subscribed());
  const again = callIn(server.requests.at(-1) as RawRequest);
  t.same(
    again.subscribe?.unacknowledgedTasks.map(({ taskId }) => taskId.value),
    ['b', 'c'],
  );
  t.same(
    again.subscribe?.unacknowledgedUpdates.map(({ status }) => `${status.taskId.value} ${status.state}`),
    ['b TASK_RUNNING', 'b TASK_FINISHED'],
  );
  const early = client.drained(1_000);
  await clock.advance(1_000);
  t.equal(await early, false);
  const drained = client.drained(60_000);
  for (const update of again.subscribe?.unacknowledgedUpdates ?? []) {
    acknowledge(streams[1], { ...again, update });
  }
  t.equal(await drained, true);
});

t.test('executor client - what happens while it subscribes is told right after', async (t) => {
  const held: RawRequest[] = [];
  const onRequest = (request: RawRequest): void => {
    if (isSubscribe(request)) held.push(request);
    else answer(request, '202 Accepted');
  };
  const { server, client } = await startExecutor(t, onRequest);
  const [request] = await eventually(() => (held.length > 0 ? held : undefined));
  client.update({ taskId: { value: 't' }, state: 'TASK_STARTING' });
  client.update({ taskId: { value: 't' }, state: 'TASK_RUNNING' });
  t.equal(server.requests.length, 1);
  beginStream(request as RawRequest, { streamId: '' });
  say(request as RawRequest, SUBSCRIBED);
  await eventually(() => server.requests.length === 3);
  t.same(
    server.requests.slice(1).map((one) => callIn(one).update?.status.state),
    ['TASK_STARTING', 'TASK_RUNNING'],
  );
});

t.test('executor client - silence is no loss', async (t) => {
  const { client, clock, losses } = await startExecutor(t, taking());
  await eventually(() => client.subscribed());
  await clock.advance(2 * 3_600_000);
  t.ok(client.subscribed());
  t.same(losses, []);
});

t.test(
  'executor client - with checkpointing it waits for its agent until the recovery time-out',
  async (t) => {
    let mode = 'up';
    const onRequest = (request: RawRequest): void => {
      if (mode === '503')
        answer(request, '503 Service Unavailable', { text: 'Agent has not finished recovery' });
      else if (mode === '404') answer(request, '404 Not Found');
      else if (mode === 'cut') request.socket.destroy();
      else taking(({ socket }) => void setTimeout(() => socket.write(ZERO_CHUNK), 5))(request);
    };
    const { client, clock, gone, server, losses } = await startExecutor(t, onRequest);
    await eventually(() => losses.length === 1);
    for (mode of ['503', '404', 'cut']) {
      const before = server.requests.length;
      await clock.advance(2_000);
      await eventually(() => server.requests.length > before && losses.length > 1);
    }
    mode = 'up';
    await eventually(async () => {
      await clock.advance(500);
      return losses.at(-1)?.kind === 'ended' && losses.length > 3;
    });
    t.same(gone, []);
    mode = '503';
    await eventually(async () => {
      await clock.advance(5_000);
      return gone.length > 0;
    });
    t.match(gone, [/away for 60 s/]);
    t.equal(client.subscribed(), false);
  },
);

t.test('executor client - without checkpointing it ends with its agent', async (t) => {
  const onRequest = taking(({ socket }) => void socket.write(ZERO_CHUNK));
  const { gone, logger } = await startExecutor(t, onRequest, { environment: { checkpoint: false } });
  await eventually(() => gone.length === 1);
  t.match(logger.named('agent-gone'), [{ fields: { code: 'MESOS_AGENT_GONE' } }]);
});

t.test('executor client - an agent that does not want it is final', async (t) => {
  for (const [status, text] of [
    ['400 Bad Request', 'Executor cannot be found'],
    ['401 Unauthorized', ''],
    ['403 Forbidden', ''],
  ] as const) {
    const { gone } = await startExecutor(t, (request) => answer(request, status, { text }));
    await eventually(() => gone.length === 1);
    t.match(gone[0], text === '' ? /status 40/ : /Executor cannot be found/);
  }
  const onRequest = taking((request) => say(request, { type: 'ERROR', error: { message: 'no more' } }));
  const { gone } = await startExecutor(t, onRequest);
  await eventually(() => gone.length === 1);
  t.match(gone[0], /no more/);
});

t.test('executor client - an update that the agent refuses is given up, and said', async (t) => {
  const onRequest = (request: RawRequest): void => {
    if (isSubscribe(request)) taking()(request);
    else answer(request, '400 Bad Request', { text: 'Failed to validate Executor::Call: Not a valid UUID' });
  };
  const { client, logger, losses } = await startExecutor(t, onRequest);
  await eventually(() => client.subscribed());
  client.update({ taskId: { value: 't' }, state: 'TASK_STAGING' });
  t.equal(await client.drained(60_000), true);
  t.match(logger.named('update-refused'), [{ fields: { code: 'MESOS_CALL_REFUSED', task_id: 't' } }]);
  t.same(losses, []);
});

t.test('executor client - an agent that cannot take an update is subscribed to again', async (t) => {
  let calls = 0;
  const onRequest = (request: RawRequest): void => {
    if (isSubscribe(request)) return taking()(request);
    calls += 1;
    answer(request, calls === 1 ? '503 Service Unavailable' : '202 Accepted');
  };
  const { client, server, losses, clock } = await startExecutor(t, onRequest);
  await eventually(() => client.subscribed());
  client.update({ taskId: { value: 't' }, state: 'TASK_RUNNING' });
  await eventually(() => losses.length === 1);
  await clock.advance(2_000);
  await eventually(() => client.subscribed());
  t.match(callIn(server.requests.at(-1) as RawRequest).subscribe?.unacknowledgedUpdates, [
    { status: { taskId: { value: 't' } } },
  ]);
});
