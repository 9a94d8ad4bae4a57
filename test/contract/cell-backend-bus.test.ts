import t from 'tap';
import { planUsers } from '../../cli/nats/plan.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createNatsBus } from '../../common/adapters/nats-bus.js';
import type { Bus } from '../../common/ports/bus.js';
import { busGround, memoryGround } from '../support/cell-ground.js';
import { eventually } from '../support/eventually.js';
import { startNatsServer } from '../support/nats-server.js';
import { requireSuite } from '../support/requires.js';
import { type CellGround, cellBackendContract } from './cell-backend.js';

cellBackendContract(t, 'over a bus in memory', memoryGround);
cellBackendContract(t, 'over a bus in memory, hearing of changes', () => memoryGround({ listens: true }));

/** Everybody under the rights of its own role. */
const natsGround = async (): Promise<CellGround> => {
  const server = await startNatsServer(planUsers(['cell-1', 'cell-2', 'cell-3', 'cell-4']));
  const clients: Bus[] = [];
  return busGround({
    async connect(user) {
      const credentials = server.credentials(user);
      const bus = createNatsBus({ servers: server.url, name: user, credentials, logger: silentLogger });
      clients.push(bus);
      await eventually(() => bus.connected(), { timeoutMs: 20_000, what: 'connected' });
      return bus;
    },
    cut: () => server.kill(),
    async close() {
      await Promise.all(clients.map((bus) => bus.close()));
      await server.close();
    },
  });
};

requireSuite(t, 'nats', () => cellBackendContract(t, 'over NATS', natsGround));
