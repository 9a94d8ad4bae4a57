import t from 'tap';
import type { Test } from 'tap';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createNatsBus } from '../../common/adapters/nats-bus.js';
import type { Bus } from '../../common/ports/bus.js';
import { cellRole, ROLES } from '../../common/wire/nats-roles.js';
import { ANY_LOG, SUBJECTS } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';
import { startNatsServer } from '../support/nats-server.js';
import type { NatsServer } from '../support/nats-server.js';
import { requireSuite } from '../support/requires.js';
import { ask, publishJson, startApp, startRouter } from '../support/router.js';

const connectAs = async (t: Test, server: NatsServer, user: string): Promise<Bus> => {
  const bus = createNatsBus({
    servers: server.url,
    name: user,
    credentials: server.credentials(user),
    logger: silentLogger,
  });
  t.teardown(() => bus.close());
  await eventually(() => bus.connected(), { timeoutMs: 20_000, what: 'connected' });
  return bus;
};

const suite = (): void =>
  void t.test(
    'router on NATS - a cell registers, traffic flows, the server goes and comes, the cell leaves',
    async (t) => {
      const server = await startNatsServer({ router: ROLES.router, api: ROLES.api, 'cell-a': cellRole('a') });
      t.teardown(() => server.close());
      const cell = await connectAs(t, server, 'cell-a');
      const api = await connectAs(t, server, 'api');
      const logged: string[] = [];
      api.subscribe(ANY_LOG, ({ subject }) => void logged.push(subject));
      await api.flush();
      let starts = 0;
      cell.subscribe(SUBJECTS.routerStart, () => (starts += 1));
      const router = await startRouter(t, { routerBus: await connectAs(t, server, 'router') });
      await eventually(() => starts === 1);

      const app = await startApp(t, (_req, res) => res.end('over NATS'));
      const registration = { ...app.endpoint, uris: ['app.test'], app: 'guid-1' };
      const greeting = await cell.request(SUBJECTS.routerGreet, Buffer.from(''), { timeoutMs: 5000 });
      t.match(greeting.ok && JSON.parse(Buffer.from(greeting.payload).toString()), { id: router.id });
      publishJson(cell)(SUBJECTS.routerRegister, registration);
      await eventually(() => router.routes().length === 1);
      t.equal((await ask(router.port)).body, 'over NATS');
      await eventually(() => logged.length > 0, { what: 'the request is in the log of its application' });
      t.equal(logged[0], 'log.guid-1.0');

      await server.kill();
      await eventually(() => router.logger.named('router.registrar.pruning-suspended').length === 1);
      t.equal((await ask(router.port)).body, 'over NATS', 'traffic does not need the bus');
      await server.start();
      // a registrar that comes back after the router has missed its start message: it greets
      await eventually(
        async () => (await cell.request(SUBJECTS.routerGreet, Buffer.from(''), { timeoutMs: 1000 })).ok,
        { timeoutMs: 20_000, what: 'the router answers a greeting again' },
      );
      const payload = Buffer.from(JSON.stringify(registration));
      const acknowledgement = await cell.request(SUBJECTS.routerUnregister, payload, { timeoutMs: 5000 });
      t.same(acknowledgement.ok && JSON.parse(Buffer.from(acknowledgement.payload).toString()), {
        id: router.id,
      });
      t.equal((await ask(router.port)).status, 404);
    },
  );

requireSuite(t, 'nats', suite);
