import t from 'tap';
import { decode } from '../../../../mesos-bridge/protocol/codec.js';
import { listOfMasters } from '../../../../mesos-bridge/protocol/leader/masters.js';
import { eventually } from '../../../support/eventually.js';
import {
  answer,
  beginStream,
  chunk,
  recordOf,
  startRawServer,
  subscribedEvent,
  ZERO_CHUNK,
} from '../../../support/mesos-raw-server.js';
import type { RawRequest } from '../../../support/mesos-raw-server.js';
import { FRAMEWORK, isSubscribe, startScheduler, subscribing } from '../../../support/mesos-scheduler.js';

const accepted = (request: RawRequest): void => answer(request, '202 Accepted');
const offers = { type: 'RESCIND', rescind: { offerId: { value: 'o' } } } as const;

t.test('scheduler client - subscribes as Mesos wants it, and calls over another connection', async (t) => {
  const credentials = { principal: 'alice', secret: 'tea:pot' };
  const { server, events, client } = await startScheduler(t, subscribing(accepted), { credentials });
  await eventually(() => client.subscribed());
  const [first] = server.requests;
  t.equal(first?.line, 'POST /api/v1/scheduler HTTP/1.1');
  t.match(first?.headers, {
    'content-type': 'application/json',
    accept: 'application/json',
    connection: 'close',
    authorization: `Basic ${Buffer.from('alice:tea:pot').toString('base64')}`,
  });
  t.notOk(first?.headers['mesos-stream-id']);
  t.match(decode('SchedulerCall', first?.body ?? Buffer.alloc(0), 'json'), {
    value: { type: 'SUBSCRIBE', subscribe: { frameworkInfo: FRAMEWORK } },
  });
  t.same(await client.send({ type: 'REVIVE' }), { ok: true, value: undefined });
  t.same(await client.send({ type: 'SUPPRESS', suppress: { roles: ['r'] } }), { ok: true, value: undefined });
  const [, revive, suppress] = server.requests;
  t.equal(revive?.headers['mesos-stream-id'], 'stream-1');
  t.match(decode('SchedulerCall', revive?.body ?? Buffer.alloc(0), 'json'), {
    value: { type: 'REVIVE', frameworkId: { value: 'fw-1' } },
  });
  t.not(revive?.connection, first?.connection);
  t.equal(suppress?.connection, revive?.connection);
  t.equal(events[0]?.type, 'SUBSCRIBED');
});

t.test('scheduler client - speaks protobuf where it is told to', async (t) => {
  const onRequest = (request: RawRequest): void => {
    if (request.headers['mesos-stream-id']) return accepted(request);
    beginStream(request, { encoding: 'protobuf' });
    request.socket.write(chunk(recordOf('SchedulerEvent', subscribedEvent(), 'protobuf')));
  };
  const { server, client, events } = await startScheduler(t, onRequest, { encoding: 'protobuf' });
  await eventually(() => client.subscribed());
  t.match(server.requests[0]?.headers, {
    'content-type': 'application/x-protobuf',
    accept: 'application/x-protobuf',
  });
  t.equal(events[0]?.type, 'SUBSCRIBED');
  await client.send({ type: 'REVIVE' });
  t.match(decode('SchedulerCall', server.requests[1]?.body ?? Buffer.alloc(0), 'protobuf'), {
    ok: true,
    value: { type: 'REVIVE' },
  });
});

t.test('scheduler client - events come in order, however the stream is cut', async (t) => {
  const bytes = Buffer.concat(
    [subscribedEvent(), offers, { type: 'HEARTBEAT' } as const].map((event) =>
      recordOf('SchedulerEvent', event),
    ),
  );
  const onRequest = (request: RawRequest): void => {
    beginStream(request);
    for (const byte of bytes) request.socket.write(chunk(Uint8Array.of(byte)));
  };
  const { events } = await startScheduler(t, onRequest);
  await eventually(() => events.length === 3);
  t.same(
    events.map(({ type }) => type),
    ['SUBSCRIBED', 'RESCIND', 'HEARTBEAT'],
  );
});

t.test(
  'scheduler client - calls keep their order, and none is sent twice when their connection breaks',
  async (t) => {
    const calls: RawRequest[] = [];
    const onCall = (request: RawRequest): void => {
      calls.push(request);
      if (calls.length === 3) request.socket.destroy();
      else if (calls.length < 3) accepted(request);
    };
    const { client, losses, clock } = await startScheduler(t, subscribing(onCall));
    await eventually(() => client.subscribed());
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, at) => client.send({ type: 'REVIVE', revive: { roles: [`r${at}`] } })),
    );
    t.same(
      outcomes.map(({ ok }) => ok),
      [true, true, false, false, false, false, false, false],
    );
    t.match(outcomes[7], { error: { kind: 'lost' } });
    t.match(losses, [{ kind: 'call' }]);
    const seen = calls.map(({ body }) => /"r\d"/.exec(body.toString())?.[0]);
    t.same(seen, [...new Set(seen)], 'none twice');
    t.same(seen, [...seen].sort(), 'in order');
    await clock.advance(1_000);
    await eventually(() => client.subscribed());
  },
);

t.test(
  'scheduler client - a server that closes after each answer gets every call once, in order',
  async (t) => {
    const taken: RawRequest[] = [];
    const closed = new Set<number>();
    const onCall = (request: RawRequest): void => {
      // whatever else was sent over a connection that is being closed counts as not sent
      if (closed.has(request.connection)) return;
      closed.add(request.connection);
      taken.push(request);
      request.socket.end('HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    };
    const { client, losses } = await startScheduler(t, subscribing(onCall));
    await eventually(() => client.subscribed());
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, at) => client.send({ type: 'REVIVE', revive: { roles: [`r${at}`] } })),
    );
    t.ok(outcomes.every(({ ok }) => ok));
    t.same(
      taken.map(({ body }) => /r\d/.exec(body.toString())?.[0]),
      ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'],
    );
    t.same(losses, []);
  },
);

t.test('scheduler client - without a subscription nothing is sent', async (t) => {
  const { client, server } = await startScheduler(t, () => undefined);
  t.match(await client.send({ type: 'REVIVE' }), { ok: false, error: { kind: 'lost' } });
  await eventually(() => server.requests.length === 1);
  t.match(await client.send({ type: 'REVIVE' }), { ok: false, error: { kind: 'lost' } });
  t.equal(server.requests.length, 1);
});

t.test('scheduler client - comes back with its id after the end of a stream', async (t) => {
  let streams = 0;
  const onRequest = subscribing(accepted, ({ socket }) => {
    streams += 1;
    // the connection stays open, as Mesos leaves it
    if (streams === 1) socket.write(ZERO_CHUNK);
  });
  const { client, clock, server, losses } = await startScheduler(t, onRequest);
  await eventually(() => losses.length === 1);
  t.equal(losses[0]?.kind, 'ended');
  t.equal(client.subscribed(), false);
  await clock.advance(1_000);
  await eventually(() => client.subscribed());
  t.match(decode('SchedulerCall', server.requests.at(-1)?.body ?? Buffer.alloc(0), 'json'), {
    value: {
      type: 'SUBSCRIBE',
      frameworkId: { value: 'fw-1' },
      subscribe: { frameworkInfo: { id: { value: 'fw-1' } } },
    },
  });
});

t.test('scheduler client - silence of five heartbeats is the end', async (t) => {
  const sockets: RawRequest[] = [];
  const onRequest = (request: RawRequest): void => {
    sockets.push(request);
    beginStream(request);
    request.socket.write(chunk(recordOf('SchedulerEvent', subscribedEvent('fw-1', 2))));
  };
  const { client, clock, losses, events, logger } = await startScheduler(t, onRequest);
  await eventually(() => client.subscribed());
  await clock.advance(9_900);
  sockets[0]?.socket.write(chunk(recordOf('SchedulerEvent', offers)));
  await eventually(() => events.length === 2);
  await clock.advance(9_900);
  t.same(losses, [], 'any event counts');
  await clock.advance(200);
  t.equal(losses[0]?.kind, 'silent');
  t.match(logger.named('subscription-lost'), [
    { level: 'warn', fields: { code: 'MESOS_SUBSCRIPTION_LOST', message: /nothing was heard for 10 s/ } },
  ]);
  await clock.advance(1_000);
  await eventually(() => client.subscribed());
});

t.test(
  'scheduler client - a master that takes the request and says nothing is left after 75 s',
  async (t) => {
    const { clock, losses, server } = await startScheduler(t, () => undefined);
    await eventually(() => server.requests.length === 1);
    await clock.advance(74_000);
    t.same(losses, []);
    await clock.advance(1_500);
    t.match(losses, [{ kind: 'unreachable', error: { code: 'MESOS_UNREACHABLE' } }]);
  },
);

t.test('scheduler client - a call without an answer ends the subscription', async (t) => {
  const { client, clock, losses } = await startScheduler(t, subscribing());
  await eventually(() => client.subscribed());
  const outcome = client.send({ type: 'REVIVE' });
  await clock.advance(80_000);
  t.match(await outcome, { ok: false, error: { kind: 'lost' } });
  t.ok(losses.length > 0);
});

t.test('scheduler client - waits longer each time, up to 15 s, and tries every master', async (t) => {
  const gone = await startRawServer(() => undefined);
  await gone.close();
  const { clock, losses, logger } = await startScheduler(t, () => undefined, {
    masters: listOfMasters([gone.address]),
  });
  const times: number[] = [];
  for (let at = 0; times.length < 12 && at < 4_000; at += 1) {
    if (losses.length > times.length) times.push(clock.monotonic());
    await clock.advance(50);
  }
  const waits = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  t.ok((waits[0] ?? 0) <= 600, `${waits}`);
  t.ok(
    waits.slice(6).every((ms) => ms >= 7_000 && ms <= 15_200),
    `${waits}`,
  );
  t.equal(logger.named('subscription-lost').filter(({ level }) => level === 'warn').length, 1, 'told once');
});

t.test('scheduler client - goes on to the next of several masters', async (t) => {
  const gone = await startRawServer(() => undefined);
  await gone.close();
  const alive = await startRawServer(subscribing(accepted));
  t.teardown(alive.close);
  const { client, clock } = await startScheduler(t, () => undefined, {
    masters: listOfMasters([gone.address, alive.address]),
  });
  await eventually(async () => {
    await clock.advance(1_000);
    return client.subscribed();
  });
  t.equal(client.server(), `http://${alive.address}`);
});

t.test('scheduler client - renews when it is asked to, at once', async (t) => {
  const { client, losses, server, clock } = await startScheduler(t, subscribing(accepted));
  await eventually(() => client.subscribed());
  client.renew('no offers for long');
  t.equal(losses[0]?.kind, 'renewed');
  await clock.advance(0);
  await eventually(() => client.subscribed());
  t.equal(server.requests.filter(isSubscribe).length, 2);
});
