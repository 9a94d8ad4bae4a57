/** What a simulated agent's endpoint makes of requests that no executor should send. */
import { request } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { encode } from '../../../mesos-bridge/protocol/codec.js';
import { eventually } from '../../support/eventually.js';
import { aFramework, aTask, anExecutor, createAgentGround } from '../../support/mesos-agent.js';

const ground = createAgentGround({ listens: true });
t.before(async () => {
  await ground.register();
  await ground.run(aTask('a', { executor: anExecutor('e') }));
  await ground.run(aTask('b', { executor: anExecutor('other') }));
});
t.teardown(() => ground.close());

const tokenOf = (executorId: string): string =>
  ground.agent.executors().find((one) => one.executorId === executorId)?.token ?? '';

interface Sent {
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  path?: string;
  method?: string;
}

const send = async ({ headers, body = '', path = '/api/v1/executor', method = 'POST' }: Sent) => {
  const port = await ground.port();
  return new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
        let text = '';
        response.on('data', (piece: Buffer) => {
          text += piece.toString();
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    },
  );
};

const bearer = (executorId: string): Record<string, string> => ({
  authorization: `Bearer ${tokenOf(executorId)}`,
  'content-type': 'application/json',
});

const call = (more: Record<string, unknown>): string =>
  JSON.stringify({ executor_id: { value: 'e' }, framework_id: { value: 'm-0000' }, ...more });

t.test('executor endpoint - no request without a token, and none with one that is unknown', async (t) => {
  for (const authorization of [undefined, 'Bearer wrong', 'Basic eDp5', `Basic ${tokenOf('e')}`, 'Bearer ']) {
    const { status, headers } = await send({
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body: call({ type: 'HEARTBEAT' }),
    });
    t.equal(status, 401, String(authorization));
    t.equal(headers['www-authenticate'], 'Bearer realm="mesos-agent-executor"');
  }
});

t.test("executor endpoint - no executor speaks with another one's token", async (t) => {
  const { status } = await send({
    headers: bearer('other'),
    body: call({ type: 'SUBSCRIBE', subscribe: {} }),
  });
  t.equal(status, 403);
});

t.test('executor endpoint - calls that are none, in both encodings', async (t) => {
  const protobuf = { ...bearer('e'), 'content-type': 'application/x-protobuf' };
  t.match(await send({ headers: protobuf, body: Buffer.from([255, 255, 255]) }), {
    status: 400,
    text: 'Failed to parse body into Call protobuf',
  });
  t.match(await send({ headers: bearer('e'), body: '{"executor_id":' }), { status: 400 });
  t.match(await send({ headers: bearer('e'), body: '[]' }), { status: 400 });
  t.match(await send({ headers: bearer('e'), body: '' }), { status: 400 });
  t.match(await send({ headers: bearer('e'), body: call({ type: 'UNKNOWN' }) }), { status: 403 });
  t.match(await send({ headers: bearer('e'), path: '/nothing', body: call({ type: 'HEARTBEAT' }) }), {
    status: 404,
  });
  t.match(await send({ headers: bearer('e'), method: 'PUT' }), { status: 405, headers: { allow: 'POST' } });
});

t.test('executor endpoint - fields and kinds that it does not know are passed over', async (t) => {
  t.match(await send({ headers: bearer('e'), body: call({ type: 'HEARTBEAT', new_field: [1] }) }), {
    status: 202,
    text: '',
  });
});

t.test('executor endpoint - a SUBSCRIBE in protobuf is answered in what it accepts', async (t) => {
  const subscribe = { unacknowledgedTasks: [], unacknowledgedUpdates: [] };
  const executorId = { value: 'e' };
  const body = encode(
    'ExecutorCall',
    { type: 'SUBSCRIBE', executorId, frameworkId: { value: 'm-0000' }, subscribe },
    'protobuf',
  );
  const port = await ground.port();
  const type = await new Promise((resolve, reject) => {
    const headers = {
      ...bearer('e'),
      'content-type': 'application/x-protobuf',
      accept: 'application/x-protobuf',
    };
    const sent = request({
      host: '127.0.0.1',
      port,
      path: '/slave(1)/api/v1/executor',
      method: 'POST',
      headers,
    });
    sent.on('response', (response) => {
      resolve(response.headers['content-type']);
      response.on('error', () => undefined).destroy();
    });
    sent.on('error', reject);
    sent.end(body);
  });
  t.equal(type, 'application/x-protobuf');
  await eventually(() => ground.agent.executors().every(({ subscribed }) => !subscribed));
});

t.test('executor endpoint - what is no HTTP at all ends that connection and no more', async (t) => {
  const port = await ground.port();
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('\u0000\u0001 nonsense\r\n\r\n'));
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  t.match(answer, /^HTTP\/1\.1 400/);
  t.match(await send({ headers: bearer('e'), body: call({ type: 'HEARTBEAT' }) }), { status: 202 });
});

t.test(
  'executor endpoint - while the agent recovers everybody is sent away, and then let in again',
  async (t) => {
    const own = createAgentGround({ listens: true });
    t.teardown(() => own.close());
    await own.register();
    await own.run(aTask('a', { executor: anExecutor('e') }), {
      framework: aFramework({ checkpoint: true }),
    });
    const port = await own.port();
    const [{ token } = { token: '' }] = own.agent.executors();
    const ask = () =>
      fetch(`http://127.0.0.1:${port}/api/v1/executor`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: call({ type: 'HEARTBEAT' }),
      });
    t.equal((await ask()).status, 202);
    own.agent.crash();
    await t.rejects(ask());
    own.agent.restart();
    const response = await eventually(() => ask());
    t.equal(response.status, 503);
    t.equal(await response.text(), 'Agent has not finished recovery');
    await own.clock.advance(100);
    t.equal((await ask()).status, 202, 'at the same port');
  },
);
