/** What a master must not send and answer, and a bridge has to bear: told with a code, alive, and nothing launched twice. */
import t from 'tap';
import type { Test } from 'tap';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { Clock } from '../../common/ports/clock.js';
import { encodeRecord } from '../../mesos-bridge/protocol/record-io.js';
import { desiredLrp, must } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import {
  answer,
  beginStream,
  chunk,
  recordOf,
  startRawServer,
  subscribedEvent,
} from '../support/mesos-raw-server.js';
import type { RawRequest } from '../support/mesos-raw-server.js';
import { isSubscribe } from '../support/mesos-scheduler.js';
import { startMesosSystem } from '../support/mesos-system.js';

type Socket = RawRequest['socket'];

const clock = createSystemClock();
/** Waits between attempts are a hundredth of what they are. */
const hasty: Clock = {
  ...clock,
  after: (ms, work) => clock.after(ms / 100, work),
  sleep: (ms) => clock.sleep(ms / 100),
};

const SUBSCRIBED = recordOf('SchedulerEvent', subscribedEvent('fw-1', 86_400));

const until = <T>(what: string, check: () => T | Promise<T>) =>
  eventually(check, { timeoutMs: 20_000, what });

const text = (value: unknown): Buffer =>
  chunk(encodeRecord(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))));

interface Sent {
  type: string;
  accept?: {
    operations: { launch: { task_infos: { resources: { name: string }[] }[] } }[];
    offer_ids: { value: string }[];
  };
}

/** A bridge with one instance to place, and a master that answers its subscriptions and calls as the test says. */
const start = async (
  t: Test,
  says: { subscribe(request: RawRequest): void; call(request: RawRequest): void },
) => {
  const server = await startRawServer((request) =>
    isSubscribe(request) ? says.subscribe(request) : says.call(request),
  );
  const system = await startMesosSystem(t, { agents: 0 });
  await system.startAuctioneer();
  t.teardown(server.close);
  const lrp = desiredLrp({ rootfs: 'preloaded:cflinuxfs4', memoryMb: 128, diskMb: 64 });
  must(await system.bbs.desireLrp(lrp, 't'));
  const bridge = await system.startBridge({}, { address: server.address, encoding: 'json', clock: hasty });
  const sent = (): Sent[] => server.requests.map(({ body }) => JSON.parse(body.toString()) as Sent);
  return {
    system,
    bridge,
    sent,
    subscriptions: () => server.requests.filter(isSubscribe).length,
    told: (event: string) => system.logger.events.filter((one) => one.event.endsWith(event)),
    codes: () =>
      system.logger.events.map(({ fields }) => fields['code']).filter((code) => code !== undefined),
    launches: () => sent().flatMap(({ accept }) => accept ?? []),
  };
};

const accepted = (request: RawRequest): void => answer(request, '202 Accepted');

const subscribe = (request: RawRequest): Socket => {
  beginStream(request);
  request.socket.write(chunk(SUBSCRIBED));
  return request.socket;
};

const resource = (name: string, value: number, more: object = {}) => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  allocation_info: { role: '*' },
  ...more,
});

const offer = (number: number, more: object = {}) => ({
  id: { value: `O${number}` },
  framework_id: { value: 'fw-1' },
  agent_id: { value: `S${number}` },
  hostname: `agent-${number}`,
  allocation_info: { role: '*' },
  resources: [resource('cpus', 4), resource('mem', 4096), resource('disk', 8192)],
  ...more,
});

const offers = (...list: object[]) => text({ type: 'OFFERS', offers: { offers: list } });

/** Each ends a stream, or is no stream at all. */
const BROKEN: readonly (readonly [what: string, code: RegExp, say: (request: RawRequest) => void])[] = [
  ...(
    [
      ['400 Bad Request', /SUBSCRIPTION_REFUSED/],
      ['401 Unauthorized', /CREDENTIALS_REFUSED/],
      ['403 Forbidden', /CREDENTIALS_REFUSED/],
      ['404 Not Found', /UNREACHABLE/],
      ['405 Method Not Allowed', /SUBSCRIPTION_REFUSED/],
      ['406 Not Acceptable', /SUBSCRIPTION_REFUSED/],
      ['409 Conflict', /SUBSCRIPTION_REFUSED/],
      ['415 Unsupported Media Type', /SUBSCRIPTION_REFUSED/],
      ['429 Too Many Requests', /UNREACHABLE/],
      ['500 Internal Server Error', /UNREACHABLE/],
      ['503 Service Unavailable', /UNREACHABLE/],
      ['418 Teapot', /SUBSCRIPTION_REFUSED/],
      ['599 Odd', /UNREACHABLE/],
    ] as const
  ).map(
    ([status, code]) =>
      [status, code, (request: RawRequest) => answer(request, status, { text: status })] as const,
  ),
  ['no stream id', /STREAM_UNREADABLE/, (request) => beginStream(request, { streamId: '' })],
  [
    'no record',
    /STREAM_UNREADABLE/,
    (request) => void subscribe(request).write(chunk(Buffer.from('<html>'))),
  ],
  [
    'a negative length',
    /STREAM_UNREADABLE/,
    (request) => void subscribe(request).write(chunk(Buffer.from('-5\n'))),
  ],
  [
    'an oversized frame',
    /STREAM_UNREADABLE/,
    (request) => void subscribe(request).write(chunk(Buffer.from('99999999999\n'))),
  ],
  [
    'a cut record',
    /SUBSCRIPTION_LOST/,
    (request) => void subscribe(request).write(chunk(Buffer.from('9\n{"')), () => request.socket.destroy()),
  ],
  [
    'an error',
    /SUBSCRIPTION_REFUSED/,
    (request) => void subscribe(request).write(text({ type: 'ERROR', error: { message: 'no such role' } })),
  ],
];

t.test('bad input - subscriptions that are refused, and streams that are none, in every way', async (t) => {
  let at = 0;
  const test = await start(t, {
    subscribe(request) {
      const broken = BROKEN[at];
      at += 1;
      if (broken === undefined) subscribe(request);
      else broken[2](request);
    },
    call: accepted,
  });
  await until('all have been tried', () => test.subscriptions() === BROKEN.length + 1);
  await until('it is subscribed at last', () => test.bridge.health().healthy);
  const told = test.told('subscription-lost');
  t.equal(told.length, BROKEN.length, 'each is told');
  for (const [at, [what, code]] of BROKEN.entries()) t.match(told[at]?.fields, { code, remedy: /./ }, what);
  t.same(test.launches(), []);
});

/** Offers that nothing can be launched on. */
const USELESS: readonly object[] = [
  offer(1, { resources: [] }),
  offer(2, { resources: [resource('cpus', -4), resource('mem', -1), resource('disk', 0)] }),
  offer(3, {
    resources: [
      resource('cpus', 4, { revocable: {} }),
      resource('mem', 4096, { revocable: {} }),
      resource('disk', 9999, { shared: {} }),
    ],
  }),
  offer(4, { resources: [resource('cpus', 1e300), { name: 'mem', type: 'SCALAR' }, { name: 'disk' }] }),
  offer(5, {
    resources: [
      { name: 'cpus', type: 'SET', set: { item: ['a', 'a'] }, allocation_info: { role: '*' } },
      { name: 'mem', type: 'RANGES', ranges: { range: [{ begin: 9, end: 1 }] } },
    ],
  }),
  offer(6, { resources: 'none' }),
  offer(7, { agent_id: undefined }),
  offer(8, { allocation_info: { role: 'somebody-elses' } }),
  offer(9, {
    resources: [
      resource('cpus', 4),
      resource('mem', 4096),
      resource('disk', 8192, { disk: { source: { type: 'MOUNT', mount: { root: '/mnt' } } } }),
    ],
  }),
];

/** Events that say nothing, or nothing that is known. */
const STRANGE: readonly unknown[] = [
  'no JSON',
  '[]',
  'null',
  '{}',
  { type: 7 },
  { type: 'NEW_ONE', new_one: {} },
  { type: 'OFFERS' },
  { type: 'OFFERS', offers: { offers: 'many' } },
  { type: 'RESCIND', rescind: {} },
  { type: 'UPDATE', update: {} },
  { type: 'UPDATE', update: { status: { task_id: { value: 'x' }, state: 'TASK_DANCING' } } },
  { type: 'UPDATE', update: { status: { task_id: { value: '' }, state: 'TASK_LOST', uuid: '!!!' } } },
  { type: 'FAILURE', failure: {} },
  { type: 'INVERSE_OFFERS', inverse_offers: { inverse_offers: [{ id: { value: 'I' } }] } },
  { type: 'SUBSCRIBED', subscribed: {} },
  { type: 'HEARTBEAT', of_a_newer_version: true },
];

t.test('bad input - odd events and offers: told, passed over, and nothing is launched on them', async (t) => {
  let stream: Socket | undefined;
  const test = await start(t, { subscribe: (request) => void (stream = subscribe(request)), call: accepted });
  await until('it is subscribed', () => test.bridge.health().healthy);
  for (const event of STRANGE) stream?.write(text(event));
  for (const useless of USELESS) stream?.write(offers(useless));
  await until('what makes no sense is told', () => test.codes().includes('MESOS_OFFER_ODD'));
  t.ok(test.codes().includes('MESOS_EVENT_UNREADABLE'));
  t.same(test.launches(), []);
  t.equal(test.subscriptions(), 1, 'none of it ends the subscription');
  t.ok(test.bridge.health().healthy);
});
