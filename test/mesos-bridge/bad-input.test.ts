/** What a master must not send and answer, and a bridge has to bear: told with a code, alive, and nothing launched twice. */
import t from 'tap';
import { answer, beginStream, chunk } from '../support/mesos-raw-server.js';
import type { RawRequest } from '../support/mesos-raw-server.js';
import {
  accepted,
  offer,
  offers,
  resource,
  startAtRawMaster,
  startSubscribed,
  subscribe,
  text,
  until,
} from '../support/mesos-raw-master.js';

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
  const test = await startAtRawMaster(t, {
    subscribe(request) {
      const broken = BROKEN[at];
      at += 1;
      if (broken === undefined) subscribe(request);
      else broken[2](request);
    },
    call: accepted,
  });
  await test.desire('app');
  await until('all have been tried', () => test.subscriptions() === BROKEN.length + 1);
  await until('it is subscribed at last', () => test.bridge.health().healthy);
  const told = test.told('subscription-lost');
  t.equal(told.length, BROKEN.length, 'each is told');
  for (const [at, [what, code]] of BROKEN.entries()) t.match(told[at]?.fields, { code, remedy: /./ }, what);
  t.same(test.launches('app'), []);
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
  const test = await startSubscribed(t, accepted);
  await test.desire('app');
  for (const event of STRANGE) test.write(text(event));
  for (const useless of USELESS) test.write(offers(useless));
  await until('what makes no sense is told', () => test.codes().includes('MESOS_OFFER_ODD'));
  t.ok(test.codes().includes('MESOS_EVENT_UNREADABLE'));
  t.same(test.launches('app'), []);
  t.equal(test.subscriptions(), 1, 'none of it ends the subscription');
  t.ok(test.bridge.health().healthy);
});

/** Attributes of every type, and resources that are odd in every way beside those that are of use. */
const ODD = {
  attributes: [
    { name: 'zone', type: 'TEXT', text: { value: 'z1' } },
    { name: 'rack', type: 'SCALAR', scalar: { value: 7.5 } },
    {
      name: 'lanes',
      type: 'RANGES',
      ranges: {
        range: [
          { begin: 3, end: 9 },
          { begin: 1, end: 0 },
        ],
      },
    },
    { name: 'kinds', type: 'SET', set: { item: ['a', 'b', 'a'] } },
    { name: 'nothing', type: 'TEXT' },
    { name: 'zone', type: 'SCALAR', scalar: { value: 1 } },
    { name: '', type: 'TEXT', text: { value: 'no name' } },
  ],
  resources: [
    resource('cpus', 4),
    resource('mem', 4096),
    resource('disk', 8192),
    resource('mem', -5),
    resource('cpus', 2, { revocable: {} }),
    resource('disk', 99, { disk: { source: { type: 'MOUNT', mount: { root: '/mnt' } } } }),
    resource('mem', 64, { reservations: [{ type: 'STATIC', role: 'of-others' }] }),
    {
      ...{ name: 'ports', type: 'RANGES', allocation_info: { role: '*' } },
      ranges: { range: [{ begin: 31_000, end: 31_100 }] },
    },
    { name: 'colours', type: 'SET', set: { item: ['red'] }, allocation_info: { role: '*' } },
  ],
};

t.test('bad input - an offer that is odd, and of use, is used, once', async (t) => {
  const test = await startSubscribed(t, accepted);
  await test.desire('app');
  test.write(offers(offer(1, ODD)));
  await until('it is launched', () => test.launches('app').length > 0);
  t.ok(test.codes().includes('MESOS_OFFER_ODD'));
  await test.desire('other');
  test.write(offers(offer(2, ODD)));
  await until('so is another', () => test.launches('other').length > 0);
  t.equal(test.launches('app').length, 1);
});
