import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import type { CaptureLogger } from '../../common/adapters/capture-logger.js';
import { createNatsBus } from '../../common/adapters/nats-bus.js';
import type { Bus } from '../../common/ports/bus.js';
import { ANY_LOG, cellSubject, logSubject, SUBJECTS } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';
import { cellRole, ROLES } from '../support/nats-roles.js';
import { startNatsServer } from '../support/nats-server.js';
import type { NatsServer } from '../support/nats-server.js';
import { requireSuite } from '../support/requires.js';
import { busContract } from './bus.js';

const connectAs = (server: NatsServer, user: string, logger: CaptureLogger): Bus =>
  createNatsBus({ servers: server.url, name: user, credentials: server.credentials(user), logger });

const connected = async (bus: Bus): Promise<Bus> => {
  await eventually(() => bus.connected(), { timeoutMs: 20_000, what: 'connected' });
  return bus;
};

const contract = (): void =>
  busContract(t, 'NATS', async () => {
    const logger = createCaptureLogger();
    const server = await startNatsServer({ tester: { publish: ['test.>'], subscribe: ['test.>'] } });
    const clients: Bus[] = [];
    return {
      logger,
      connect() {
        const bus = connectAs(server, 'tester', logger);
        clients.push(bus);
        return connected(bus);
      },
      cut: () => server.kill(),
      mend: () => server.start(),
      async close() {
        await Promise.all(clients.map((bus) => bus.close()));
        await server.close();
      },
    };
  });

const USERS = { ...ROLES, 'cell-a': cellRole('a'), 'cell-b': cellRole('b') };

const NOTHING = new Uint8Array(0);

const permissions = (): void => {
  t.test('bus permissions - per role', async (t) => {
    const server = await startNatsServer(USERS);
    const logger = createCaptureLogger();
    const buses: Bus[] = [];
    t.teardown(async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      await server.close();
    });
    const as = (user: string): Promise<Bus> => {
      const bus = connectAs(server, user, logger);
      buses.push(bus);
      return connected(bus);
    };
    const request = (bus: Bus, subject: string): Promise<unknown> =>
      bus.request(subject, NOTHING, { timeoutMs: 10_000 });
    const denied = { ok: false, error: 'denied' };
    const work = cellSubject('b', 'work');

    const cellB = await as('cell-b');
    for (const subject of [work, cellSubject('b', 'stop'), SUBJECTS.cellState]) {
      cellB.subscribe(subject, (message) => message.respond(new Uint8Array([1])));
    }
    await cellB.flush();

    await t.test('work - only the auctioneer publishes it', async (t) => {
      t.match(await request(await as('auctioneer'), work), { ok: true });
      for (const user of ['cell-a', 'cell-b', 'bbs', 'router', 'api', 'operator']) {
        t.same(await request(await as(user), work), denied, user);
      }
      const refusals = logger.named('nats.denied').map(({ fields }) => fields);
      t.ok(
        refusals.some((fields) => fields['operation'] === 'publish' && fields['subject'] === work),
        'and the refusal is logged',
      );
    });

    await t.test('stop - the BBS and operators only', async (t) => {
      const stop = cellSubject('b', 'stop');
      for (const user of ['bbs', 'operator'])
        t.match(await request(await as(user), stop), { ok: true }, user);
      for (const user of ['cell-a', 'auctioneer', 'router', 'api']) {
        t.same(await request(await as(user), stop), denied, user);
      }
    });

    await t.test('a cell - neither speaks nor listens for another', async (t) => {
      const cellA = await as('cell-a');
      t.same(await request(cellA, cellSubject('b', 'presence')), denied);
      t.same(await request(cellA, 'bbs.event.task_created'), denied);
      let heard = 0;
      cellA.subscribe(work, () => (heard += 1));
      cellA.subscribe('_INBOX.auctioneer.>', () => (heard += 1));
      await cellA.flush();
      t.match(await request(await as('auctioneer'), work), { ok: true });
      await cellA.flush();
      t.equal(heard, 0);
      const refused = logger.named('nats.denied').map(({ fields }) => fields['subject']);
      t.ok(refused.includes('_INBOX.auctioneer.>'));
      t.ok(cellA.connected(), 'a refusal does not end the connection');
    });

    await t.test('a cell - answers broadcasts, registers routes, writes logs', async (t) => {
      const auctioneer = await as('auctioneer');
      t.equal(
        (await auctioneer.gather(SUBJECTS.cellState, NOTHING, { timeoutMs: 10_000, expected: 1 })).length,
        1,
      );
      const seen: string[] = [];
      const [router, api] = [await as('router'), await as('api')];
      router.subscribe(SUBJECTS.routerRegister, (message) => seen.push(message.subject));
      api.subscribe(ANY_LOG, (message) => seen.push(message.subject));
      await Promise.all([router.flush(), api.flush()]);
      cellB.publish(SUBJECTS.routerRegister, NOTHING);
      cellB.publish(logSubject('guid', 0), NOTHING);
      await eventually(() => seen.length === 2);
      t.same(seen.sort(), ['log.guid.0', 'router.register']);
    });

    await t.test('gather - what may not be asked ends at once', async (t) => {
      t.same(await (await as('cell-a')).gather(work, NOTHING, { timeoutMs: 600_000 }), []);
    });
  });
};

const beginnings = (): void => {
  t.test('bus over NATS - made while no server answers, it connects when one does', async (t) => {
    const logger = createCaptureLogger();
    const server = await startNatsServer({ tester: { publish: ['test.>'], subscribe: ['test.>'] } });
    await server.kill();
    const bus = connectAs(server, 'tester', logger);
    t.teardown(async () => {
      await bus.close();
      await server.close();
    });
    let seen = 0;
    bus.subscribe('test.first', () => (seen += 1));
    await eventually(() => logger.named('nats.nats-connect-failed').length > 0);
    t.notOk(bus.connected());
    t.notOk(bus.publish('test.first', NOTHING));
    await server.start();
    await connected(bus);
    bus.publish('test.first', NOTHING);
    await eventually(() => seen === 1);
  });

  t.test('bus over NATS - wrong credentials are told, and closing ends the trying', async (t) => {
    const logger = createCaptureLogger();
    const server = await startNatsServer({ tester: { publish: ['test.>'], subscribe: ['test.>'] } });
    t.teardown(() => server.close());
    const bus = createNatsBus({
      servers: server.url,
      name: 'intruder',
      credentials: { user: 'tester', password: 'guess' },
      logger,
    });
    await eventually(() => logger.named('nats.nats-refused-credentials').length > 1, { timeoutMs: 20_000 });
    t.notOk(bus.connected());
    t.notOk(JSON.stringify(logger.events).includes('guess'));
    await bus.close();
  });
};

requireSuite(t, 'nats', () => {
  contract();
  permissions();
  beginnings();
});
