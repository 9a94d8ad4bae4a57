import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { OutcryError } from '../../../common/model/errors.js';
import { ok } from '../../../common/model/result.js';
import { createFrameworkIds } from '../../../mesos-bridge/bridge/framework-id.js';
import { openSubscription } from '../../../mesos-bridge/bridge/subscription.js';
import type { OpenClient } from '../../../mesos-bridge/bridge/subscription.js';
import type { KnownSchedulerEvent } from '../../../mesos-bridge/protocol/events.js';
import type { Loss } from '../../../mesos-bridge/protocol/scheduler/client.js';
import { must, openBoard } from '../../support/bbs.js';

type Given = Parameters<OpenClient>[0];

const subscribed = (id: string): KnownSchedulerEvent => ({
  type: 'SUBSCRIBED',
  subscribed: { frameworkId: { value: id } },
});
const HEARTBEAT: KnownSchedulerEvent = { type: 'HEARTBEAT' };

/** A subscription at a master that says what it is told to, with the kv of a real BBS. */
const open = async () => {
  const board = await openBoard();
  const clock = createFakeClock();
  const logger = createCaptureLogger();
  const ending = new AbortController();
  const told: string[] = [];
  const clients: { given: Given; sent: string[]; closed: boolean }[] = [];
  const kv = { ...board.board, away: false };
  const away = {
    ok: false as const,
    error: { type: 'Timeout' as const, message: 'away', unavailable: true as const },
  };
  const store = {
    kvGet: async (key: string) => (kv.away ? away : kv.kvGet(key)),
    kvPut: async (entry: Parameters<typeof kv.kvPut>[0]) => (kv.away ? away : kv.kvPut(entry)),
  };
  const subscription = openSubscription({
    ids: createFrameworkIds(store, 'outcry'),
    openClient(given) {
      const client = { given, sent: [] as string[], closed: false };
      clients.push(client);
      return {
        start: () => undefined,
        send: async (call) => {
          client.sent.push(call.type);
          return ok(undefined);
        },
        renew: () => undefined,
        subscribed: () => true,
        server: () => '',
        close: async () => void (client.closed = true),
      };
    },
    clock,
    logger,
    signal: ending.signal,
    subscribe: (id) => ({
      frameworkInfo: { user: 'root', name: 'outcry', ...(id !== '' && { id: { value: id } }) },
    }),
    onOpen: ({ frameworkId }) => told.push(`open ${frameworkId.value}`),
    onEvent: ({ type }) => told.push(type),
    onClosed: () => told.push('closed'),
    onRemoved: () => told.push('removed'),
  });
  await clock.advance(0);
  return {
    board,
    clock,
    logger,
    told,
    clients,
    kv,
    subscription,
    client: () => {
      const client = clients.at(-1);
      if (client === undefined) throw new Error('no client');
      return client;
    },
    kept: async () => must(await board.board.kvGet('mesos/outcry')).value,
    async close() {
      ending.abort();
      await subscription.close();
      await board.close();
    },
  };
};

t.test(
  'subscription - #15: the framework id is kept before anything counts, and used from then on',
  async (t) => {
    const test = await open();
    t.teardown(test.close);
    t.notOk(test.client().given.subscription().frameworkInfo.id);
    test.client().given.handlers.onEvent(subscribed('f-1'));
    test.client().given.handlers.onEvent(HEARTBEAT);
    t.same(test.told, [], 'nothing counts yet');
    await test.clock.advance(0);
    t.same(test.told, ['open f-1', 'HEARTBEAT']);
    t.equal(await test.kept(), 'f-1');
    t.same(test.client().given.subscription().frameworkInfo.id, { value: 'f-1' });
  },
);

t.test('subscription - while the BBS does not keep the id, nothing is launched', async (t) => {
  const test = await open();
  t.teardown(test.close);
  test.kv.away = true;
  test.client().given.handlers.onEvent(subscribed('f-1'));
  await test.clock.advance(3_000);
  t.notOk(test.subscription.isOpen());
  t.match(test.subscription.trouble(), /not kept/);
  test.kv.away = false;
  await test.clock.advance(6_000);
  t.ok(test.subscription.isOpen());
});

t.test('subscription - of two new frameworks one is given up before anything runs there', async (t) => {
  const test = await open();
  t.teardown(test.close);
  must(await test.board.board.kvPut({ key: 'mesos/outcry', value: 'of-another', version: 0 }));
  const [first] = test.clients;
  test.client().given.handlers.onEvent(subscribed('f-1'));
  await test.clock.advance(100);
  t.same(first?.sent, ['TEARDOWN']);
  t.ok(first?.closed);
  t.same(test.client().given.subscription().frameworkInfo.id, { value: 'of-another' });
  test.client().given.handlers.onEvent(subscribed('of-another'));
  await test.clock.advance(0);
  t.same(test.told, ['open of-another']);
});

t.test('subscription - a removed framework is never tried again: a new one takes its place', async (t) => {
  const test = await open();
  t.teardown(test.close);
  test.client().given.handlers.onEvent(subscribed('f-1'));
  await test.clock.advance(0);
  const details = { server: 's', framework: 'f-1', reason: 'Framework has been removed' };
  const loss: Loss = { kind: 'removed', error: new OutcryError('MESOS_FRAMEWORK_REMOVED', details) };
  test.client().given.handlers.onLost(loss);
  await test.clock.advance(100);
  t.same(test.told, ['open f-1', 'closed', 'removed']);
  t.equal(await test.kept(), '');
  t.notOk(test.client().given.subscription().frameworkInfo.id);
  test.client().given.handlers.onEvent(subscribed('f-2'));
  await test.clock.advance(0);
  t.equal(await test.kept(), 'f-2');
});

t.test('subscription - #45: closing it tears nothing down', async (t) => {
  const test = await open();
  test.client().given.handlers.onEvent(subscribed('f-1'));
  await test.clock.advance(0);
  await test.subscription.close();
  t.same(test.client().sent, []);
  t.ok(test.client().closed);
  t.equal(await test.kept(), 'f-1');
  await test.close();
});
