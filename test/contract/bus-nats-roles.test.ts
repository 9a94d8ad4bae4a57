import { connect } from 'nats';
import t from 'tap';
import type { Bus } from '../../common/ports/bus.js';
import { ANY_LOG, cellSubject, logSubject, SUBJECTS } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import type { NatsConnection } from '../support/nats-cluster.js';
import { requireSuite } from '../support/requires.js';

const NOTHING = new Uint8Array(0);

const permissions = (): void => {
  t.test('bus permissions - per role', async (t) => {
    const cluster = await startNatsCluster(t, { count: 1, words: ['--cell', 'a', '--cell', 'b'] });
    const connections = new Map<string, Promise<NatsConnection>>();
    const connection = (user: string): Promise<NatsConnection> => {
      const one = connections.get(user) ?? cluster.connect(user);
      connections.set(user, one);
      return one;
    };
    const as = async (user: string): Promise<Bus> => (await connection(user)).bus;
    const refusalsOf = async (user: string) =>
      (await connection(user)).logger.named('nats.denied').map(({ fields }) => fields);
    const request = (bus: Bus, subject: string): Promise<unknown> =>
      bus.request(subject, NOTHING, { timeoutMs: 20_000 });
    const denied = { ok: false, error: 'denied' };
    const work = cellSubject('b', 'work');

    const cellB = await as('b');
    for (const subject of [
      work,
      cellSubject('b', 'stop'),
      cellSubject('b', 'evacuate'),
      SUBJECTS.cellState,
    ]) {
      cellB.subscribe(subject, (message) => message.respond(new Uint8Array([1])));
    }
    await cellB.flush();

    await t.test('work - only the auctioneer publishes it', async (t) => {
      t.match(await request(await as('auctioneer'), work), { ok: true });
      for (const user of ['a', 'b', 'bbs', 'router', 'api', 'operator']) {
        t.same(await request(await as(user), work), denied, user);
      }
      t.match((await refusalsOf('a')).at(-1), {
        operation: 'publish',
        subject: work,
        code: 'NATS_PERMISSION_DENIED',
        message: `the NATS user a may not publish to ${work}`,
      });
      t.same(await request(await as('a'), work), denied, 'answered so every time');
      // refusals are told in order: when this one is, all before it have been
      const later = cellSubject('b', 'outcome');
      await request(await as('a'), later);
      await eventually(async () => (await refusalsOf('a')).some(({ subject }) => subject === later));
      const told = (await refusalsOf('a')).filter(({ subject }) => subject === work);
      t.equal(told.length, 1, 'and told once');
    });

    await t.test('stop - the BBS and operators only', async (t) => {
      const stop = cellSubject('b', 'stop');
      for (const user of ['bbs', 'operator'])
        t.match(await request(await as(user), stop), { ok: true }, user);
      for (const user of ['a', 'auctioneer', 'router', 'api']) {
        t.same(await request(await as(user), stop), denied, user);
      }
    });

    await t.test('evacuate - the BBS, operators, and the API for them', async (t) => {
      const evacuate = cellSubject('b', 'evacuate');
      for (const user of ['bbs', 'operator', 'api'])
        t.match(await request(await as(user), evacuate), { ok: true }, user);
      for (const user of ['a', 'auctioneer', 'router'])
        t.same(await request(await as(user), evacuate), denied, user);
    });

    await t.test('a cell - neither speaks nor listens for another', async (t) => {
      const cellA = await as('a');
      t.same(await request(cellA, cellSubject('b', 'presence')), denied);
      t.same(await request(cellA, 'bbs.event.task_created'), denied);
      let heard = 0;
      cellA.subscribe(work, () => (heard += 1));
      cellA.subscribe('_INBOX.auctioneer.>', () => (heard += 1));
      await cellA.flush();
      t.match(await request(await as('auctioneer'), work), { ok: true });
      await cellA.flush();
      t.equal(heard, 0);
      const refused = (await refusalsOf('a')).map(({ subject }) => subject);
      t.ok(refused.includes('_INBOX.auctioneer.>'));
      t.ok(cellA.connected(), 'a refusal does not end the connection');
      t.match(cellA.denied(), /^the NATS user a may not /, 'it says so of itself');
    });

    await t.test('a cell - answers broadcasts, registers routes, writes logs', async (t) => {
      const auctioneer = await as('auctioneer');
      let answered = false;
      const onAnswer = (): boolean => (answered = true);
      await auctioneer.gather(SUBJECTS.cellState, NOTHING, { timeoutMs: 20_000, onAnswer });
      t.ok(answered);
      const seen: string[] = [];
      const [router, api] = [await as('router'), await as('api')];
      router.subscribe(SUBJECTS.routerRegister, (message) => seen.push(message.subject));
      api.subscribe(ANY_LOG, (message) => seen.push(message.subject));
      await Promise.all([router.flush(), api.flush()]);
      cellB.publish(SUBJECTS.routerRegister, NOTHING);
      cellB.publish(logSubject('guid', 0), NOTHING);
      await eventually(() => seen.length === 2, { timeoutMs: 20_000 });
      t.same(seen.sort(), ['log.guid.0', 'router.register']);
    });

    await t.test('a role that answers nothing - cannot', async (t) => {
      const [api, bbs] = [await as('api'), await as('bbs')];
      api.subscribe('bbs.event.*', (message) => message.respond(NOTHING));
      await api.flush();
      const asking = bbs.request('bbs.event.x', NOTHING, { timeoutMs: 20_000 });
      await eventually(
        async () =>
          (await refusalsOf('api')).some(({ subject }) => String(subject).startsWith('_INBOX.bbs.')),
        { timeoutMs: 20_000, what: 'the answer is refused' },
      );
      await bbs.close();
      t.same(await asking, { ok: false, error: 'disconnected' });
    });

    await t.test('an asker - cannot have others publish for it', async (t) => {
      const { credentials, servers } = cluster.access('a');
      const raw = await connect({
        servers: [...servers],
        user: credentials.user,
        pass: credentials.password,
      });
      t.teardown(() => raw.close());
      const [auctioneer, cell] = [await connection('auctioneer'), await as('b')];
      let heard = 0;
      let asked = 0;
      cell.subscribe(work, () => (heard += 1));
      auctioneer.bus.subscribe(SUBJECTS.cellChanged, (message) => {
        asked += message.expectsReply ? 1 : 0;
        message.respond(NOTHING);
      });
      await Promise.all([cell.flush(), auctioneer.bus.flush()]);
      raw.publish(SUBJECTS.cellChanged, NOTHING, { reply: work });
      await eventually(() => auctioneer.logger.named('nats.not-an-inbox').length === 1, {
        timeoutMs: 20_000,
      });
      t.match(
        await request(auctioneer.bus, work),
        { ok: true },
        'sent after what would have been the answer',
      );
      t.equal(asked, 0);
      t.equal(heard, 1, 'the request alone');
    });

    await t.test('gather - what may not be asked ends at once', async (t) => {
      t.same(await (await as('a')).gather(work, NOTHING, { timeoutMs: 600_000 }), []);
    });
  });
};

requireSuite(t, 'nats', permissions);
