import t from 'tap';
import type { Loss } from '../../../../mesos-bridge/protocol/scheduler/client.js';
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
import { isSubscribe, startScheduler, subscribing } from '../../../support/mesos-scheduler.js';
import { encodeRecord } from '../../../../mesos-bridge/protocol/record-io.js';

/** What comes behind the first event, and what it must be taken for. */
const BROKEN_STREAMS: readonly (readonly [
  name: string,
  kind: Loss['kind'],
  said: RegExp,
  end: (socket: RawRequest['socket']) => void,
])[] = [
  ['ended with the connection open', 'ended', /ended the stream/, (socket) => socket.write(ZERO_CHUNK)],
  [
    'ended within a record',
    'cut',
    /within a record, after 4 bytes/,
    (socket) => socket.write(Buffer.concat([chunk(Buffer.from('10\n{"ty')), Buffer.from(ZERO_CHUNK)])),
  ],
  [
    'connection closed within a record',
    'cut',
    /./,
    (socket) => socket.write(chunk(Buffer.from('10\n{"ty')), () => socket.destroy()),
  ],
  ['connection reset', 'cut', /./, (socket) => setImmediate(() => socket.resetAndDestroy())],
  [
    'a header that is none',
    'unreadable',
    /a record's length is expected, and "<" came/,
    (socket) => socket.write(chunk(Buffer.from('<html>'))),
  ],
  [
    'an event over the limit',
    'unreadable',
    /a record of 5000 bytes came, and at most 1000 are taken/,
    (socket) => socket.write(chunk(Buffer.from('5000\n'))),
  ],
  ['no HTTP any more', 'cut', /./, (socket) => socket.write('what?\r\n')],
];

for (const [name, kind, said, end] of BROKEN_STREAMS) {
  t.test(`scheduler client - ${name}: ${kind}, and subscribed anew`, async (t) => {
    let streams = 0;
    const onRequest = subscribing(undefined, ({ socket }) => {
      streams += 1;
      if (streams === 1) end(socket);
    });
    const { losses, clock, client, logger } = await startScheduler(t, onRequest, { maxEventBytes: 1_000 });
    await eventually(() => losses.length === 1);
    t.match(losses, [{ kind, error: { message: said } }]);
    t.match(logger.named('subscription-lost'), [{ fields: { code: /^MESOS_/, remedy: /./ } }]);
    await clock.advance(1_000);
    await eventually(() => client.subscribed());
  });
}

const STATUSES: readonly (readonly [status: string, kind: Loss['kind'], code: string])[] = [
  ['400 Bad Request', 'refused', 'MESOS_SUBSCRIPTION_REFUSED'],
  ['401 Unauthorized', 'credentials', 'MESOS_CREDENTIALS_REFUSED'],
  ['403 Forbidden', 'credentials', 'MESOS_CREDENTIALS_REFUSED'],
  ['404 Not Found', 'unavailable', 'MESOS_UNREACHABLE'],
  ['405 Method Not Allowed', 'refused', 'MESOS_SUBSCRIPTION_REFUSED'],
  ['406 Not Acceptable', 'refused', 'MESOS_SUBSCRIPTION_REFUSED'],
  ['409 Conflict', 'refused', 'MESOS_SUBSCRIPTION_REFUSED'],
  ['415 Unsupported Media Type', 'refused', 'MESOS_SUBSCRIPTION_REFUSED'],
  ['429 Too Many Requests', 'unavailable', 'MESOS_UNREACHABLE'],
  ['500 Internal Server Error', 'unavailable', 'MESOS_UNREACHABLE'],
  ['503 Service Unavailable', 'unavailable', 'MESOS_UNREACHABLE'],
];

t.test('scheduler client - what SUBSCRIBE is answered, and that it is tried again', async (t) => {
  for (const [status, kind, code] of STATUSES) {
    let first = true;
    const onRequest = (request: RawRequest): void => {
      if (!first) return subscribing()(request);
      first = false;
      answer(request, status, { text: 'because of that' });
    };
    const { losses, clock, client } = await startScheduler(t, onRequest);
    await eventually(() => losses.length === 1);
    t.match(losses, [{ kind, error: { code, message: /because of that/ } }], status);
    await clock.advance(1_000);
    await eventually(() => client.subscribed());
    t.equal(losses.length, 1, status);
  }
});

const CALL_STATUSES: readonly (readonly [status: string, text: string, kind: string])[] = [
  ['307 Temporary Redirect', '', 'lost'],
  ['400 Bad Request', 'Framework cannot be found', 'lost'],
  ['400 Bad Request', "The stream ID 'x' included in this request didn't match the stream ID", 'lost'],
  ['400 Bad Request', "All non-subscribe calls should include the 'Mesos-Stream-Id' header", 'lost'],
  ['400 Bad Request', "Failed to validate scheduler::Call: Expecting 'accept' to be present", 'refused'],
  ['401 Unauthorized', '', 'lost'],
  ['403 Forbidden', 'Framework is not subscribed', 'lost'],
  ['404 Not Found', '', 'lost'],
  ['406 Not Acceptable', '', 'refused'],
  ['409 Conflict', '', 'refused'],
  ['415 Unsupported Media Type', '', 'refused'],
  ['429 Too Many Requests', '', 'temporary'],
  ['500 Internal Server Error', '', 'unknown'],
  ['501 Not Implemented', '', 'refused'],
  ['502 Bad Gateway', '', 'unknown'],
  ['503 Service Unavailable', '', 'temporary'],
  ['504 Gateway Timeout', '', 'unknown'],
  ['505 HTTP Version Not Supported', '', 'refused'],
  ['599 Odd', '', 'unknown'],
];

t.test('scheduler client - what calls are answered, and which answers end the subscription', async (t) => {
  for (const [status, text, kind] of CALL_STATUSES) {
    const onRequest = subscribing((request) => answer(request, status, { text }));
    const { losses, client } = await startScheduler(t, onRequest);
    await eventually(() => client.subscribed());
    const outcome = await client.send({ type: 'REVIVE' });
    t.match(outcome, { ok: false, error: { kind, status: Number(status.slice(0, 3)) } }, `${status} ${text}`);
    t.equal(client.subscribed(), kind !== 'lost', status);
    t.same(
      losses.map((loss) => loss.kind),
      kind === 'lost' ? ['call'] : [],
      status,
    );
  }
});

t.test('scheduler client - a removed framework is told apart, and not tried again', async (t) => {
  const error = { type: 'ERROR', error: { message: 'Framework has been removed' } } as const;
  const onRequest = (request: RawRequest): void => {
    beginStream(request);
    request.socket.write(Buffer.concat([chunk(recordOf('SchedulerEvent', error)), Buffer.from(ZERO_CHUNK)]));
  };
  const { losses, clock, server, client } = await startScheduler(t, onRequest);
  await eventually(() => losses.length === 1);
  t.match(losses, [{ kind: 'removed', error: { code: 'MESOS_FRAMEWORK_REMOVED' } }]);
  await clock.advance(60_000);
  t.equal(server.requests.length, 1);
  client.start();
  await clock.advance(0);
  await eventually(() => server.requests.length === 2);
});

t.test(
  'scheduler client - other errors end the subscription, and it is tried again ever more slowly',
  async (t) => {
    for (const [message, kind] of [
      ['Framework failed over', 'superseded'],
      ["Role 'x' is not present in the master's --roles", 'refused'],
    ] as const) {
      const error = recordOf('SchedulerEvent', { type: 'ERROR', error: { message } });
      const onRequest = subscribing(undefined, ({ socket }) => void socket.write(chunk(error)));
      const { losses, clock } = await startScheduler(t, onRequest);
      await eventually(async () => {
        await clock.advance(100);
        return losses.length === 3;
      });
      t.equal(losses[0]?.kind, kind);
      t.ok(clock.monotonic() >= 700, `${clock.monotonic()} ms`);
    }
  },
);

t.test(
  'scheduler client - events that are none, and those of a newer version, are passed over and told once',
  async (t) => {
    const strange = [
      '{"type":"NEW_ONE","new_one":{}}',
      '{"type":"UPDATE"}',
      '{"type":"UPDATE","update":{}}',
      'no JSON',
    ];
    const onRequest = subscribing(undefined, ({ socket }) => {
      for (const text of [...strange, ...strange]) socket.write(chunk(encodeRecord(Buffer.from(text))));
      socket.write(chunk(recordOf('SchedulerEvent', { type: 'HEARTBEAT' })));
    });
    const { events, losses, logger } = await startScheduler(t, onRequest);
    await eventually(() => events.length === 2);
    t.same(losses, []);
    const told = logger.named('event-unreadable');
    t.equal(told.length, strange.length);
    for (const { fields } of told) t.equal(fields['code'], 'MESOS_EVENT_UNREADABLE');
  },
);

t.test('scheduler client - a stream without an id is of no use', async (t) => {
  const onRequest = (request: RawRequest): void => beginStream(request, { streamId: '' });
  const { losses } = await startScheduler(t, onRequest);
  await eventually(() => losses.length === 1);
  t.match(losses, [{ kind: 'unreadable', error: { message: /no Mesos-Stream-Id/ } }]);
});

t.test('scheduler client - follows redirects in every form', async (t) => {
  const leader = await startRawServer(subscribing((request) => answer(request, '202 Accepted')));
  t.teardown(leader.close);
  const forms = [
    [`//${leader.address}/master/api/v1/scheduler`, '/master/api/v1/scheduler'],
    [`http://${leader.address}/master/api/v1/scheduler?c=d`, '/master/api/v1/scheduler?c=d'],
    [leader.address, '/api/v1/scheduler'],
    [`//${leader.address}`, '/api/v1/scheduler'],
  ] as const;
  for (const [form, path] of forms) {
    const onRequest = (request: RawRequest): void =>
      answer(request, '307 Temporary Redirect', { headers: { Location: form } });
    const { client, clock } = await startScheduler(t, onRequest);
    await eventually(async () => {
      await clock.advance(20);
      return client.subscribed();
    });
    t.equal(client.server(), `http://${leader.address}`);
    t.equal(leader.requests.at(-1)?.line, `POST ${path} HTTP/1.1`, form);
    t.same(await client.send({ type: 'REVIVE' }), { ok: true, value: undefined });
    t.equal(leader.requests.at(-1)?.line, `POST ${path} HTTP/1.1`, form);
  }
});

t.test(
  'scheduler client - masters that send in a circle, or nowhere, are given up and tried again',
  async (t) => {
    for (const location of ['circle', '', '/api', 'ftp://x', '//']) {
      const onRequest = (request: RawRequest): void => {
        const to = location === 'circle' ? `//${request.headers['host']}/master/api/v1/scheduler` : location;
        answer(request, '307 Temporary Redirect', { headers: { Location: to } });
      };
      const { losses, clock, server } = await startScheduler(t, onRequest);
      await eventually(async () => {
        await clock.advance(50);
        return losses.length === 1;
      });
      t.match(losses, [{ kind: 'redirected', error: { code: 'MESOS_REDIRECTED_TOO_OFTEN' } }], location);
      const tries = server.requests.length;
      t.equal(tries, location === 'circle' ? 6 : 1, location);
      await eventually(async () => {
        await clock.advance(100);
        return server.requests.length > tries;
      });
      t.ok(server.requests.every(isSubscribe));
    }
  },
);
