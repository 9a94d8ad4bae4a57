import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import type { CaptureLogger } from '../../common/adapters/capture-logger.js';
import { createNatsBus } from '../../common/adapters/nats-bus.js';
import type { Bus } from '../../common/ports/bus.js';
import { planUsers } from '../../cli/nats/plan.js';
import { eventually } from '../support/eventually.js';
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

/** The suite's own user beside those of the roles: none of them may both say and hear everything. */
const TESTER = {
  ...planUsers(['cell-1']),
  tester: { publish: ['test.>'], subscribe: ['test.>'], answers: true },
};

const contract = (): void =>
  busContract(t, 'NATS', async () => {
    const logger = createCaptureLogger();
    const server = await startNatsServer(TESTER);
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

const NOTHING = new Uint8Array(0);

const beginnings = (): void => {
  t.test('bus over NATS - made while no server answers, it connects when one does', async (t) => {
    const logger = createCaptureLogger();
    const server = await startNatsServer(TESTER);
    await server.kill();
    const bus = connectAs(server, 'tester', logger);
    t.teardown(async () => {
      await bus.close();
      await server.close();
    });
    let seen = 0;
    bus.subscribe('test.first', () => (seen += 1));
    await eventually(() => logger.named('nats.nats-connect-failed').length > 0, { timeoutMs: 20_000 });
    t.match(logger.named('nats.nats-connect-failed')[0]?.fields, { code: 'NATS_UNREACHABLE' });
    t.notOk(bus.connected());
    t.notOk(bus.publish('test.first', NOTHING));
    await server.start();
    await connected(bus);
    bus.publish('test.first', NOTHING);
    await eventually(() => seen === 1, { timeoutMs: 20_000 });
  });

  t.test('bus over NATS - it can be closed while the server answers nothing, or has just gone', async (t) => {
    const logger = createCaptureLogger();
    const server = await startNatsServer(TESTER);
    t.teardown(() => server.close());
    const [silent, cut] = await Promise.all(
      ['silent', 'cut'].map(() => connected(connectAs(server, 'tester', logger))),
    );
    for (const bus of [silent, cut]) bus?.subscribe('test.first', () => undefined);
    server.pause();
    await silent?.close();
    const closing = cut?.close();
    await server.kill();
    await closing;
    t.notOk(silent?.connected());
    t.notOk(cut?.connected());
  });

  t.test('bus over NATS - wrong credentials are told once, and tried again until it is closed', async (t) => {
    const logger = createCaptureLogger();
    const server = await startNatsServer(TESTER);
    t.teardown(() => server.close());
    const bus = createNatsBus({
      servers: server.url,
      name: 'intruder',
      credentials: { user: 'tester', password: 'guess' },
      logger,
    });
    await eventually(() => logger.named('nats.nats-connect-failed-again').length > 1, { timeoutMs: 20_000 });
    t.equal(logger.named('nats.nats-refused-credentials').length, 1);
    t.match(logger.named('nats.nats-refused-credentials')[0]?.fields, {
      code: 'NATS_CREDENTIALS_REFUSED',
      message: /refuses the user tester or its password/,
    });
    t.notOk(bus.connected());
    t.notOk(JSON.stringify(logger.events).includes('guess'));
    await bus.close();
  });
};

requireSuite(t, 'nats', () => {
  contract();
  beginnings();
});
