import t from 'tap';
import { createMesosBackend } from '../../auctioneer/backends/mesos.js';
import { planUsers } from '../../cli/nats/plan.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createNatsBus } from '../../common/adapters/nats-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { Bus } from '../../common/ports/bus.js';
import type { GroundBus } from '../support/cell-ground.js';
import { aCellState } from '../support/cell-states.js';
import { eventually } from '../support/eventually.js';
import { addBid, startFakeBridge } from '../support/fake-bridge.js';
import { startNatsServer } from '../support/nats-server.js';
import { requireSuite } from '../support/requires.js';
import { type CellGround, cellBackendContract } from './cell-backend.js';

/** Every cell is a bid of one bridge: nobody else can bid in its name, and one of which nothing can be said makes no sense. */
const bridgeGround = async ({ connect, cut, close }: GroundBus): Promise<CellGround> => {
  const bus = await connect('mesos-bridge');
  const bridge = startFakeBridge(bus);
  await bus.flush();
  const nonsense = (cellId: string): void => {
    addBid(bridge, aCellState({ cellId }));
    bridge.garbled.add(cellId);
  };
  return {
    backend: createMesosBackend({
      bus: await connect('auctioneer'),
      clock: createSystemClock(),
      logger: silentLogger,
      stateTimeoutMs: 500,
      workTimeoutMs: 500,
      awayMs: 1_000,
    }),
    add: async (state, answer) => addBid(bridge, state, answer),
    announce: nonsense,
    intrude: async () => undefined,
    garble: async (cellId) => nonsense(cellId),
    cut,
    close,
  };
};

cellBackendContract(t, 'Mesos, over a bus in memory', () => {
  const broker = createMemoryBus();
  const clients: ReturnType<typeof broker.client>[] = [];
  const alive = setInterval(() => undefined, 1_000);
  return bridgeGround({
    async connect() {
      const client = broker.client();
      clients.push(client);
      return client;
    },
    async cut() {
      for (const client of clients) client.disconnect();
    },
    async close() {
      for (const client of clients) await client.close();
      clearInterval(alive);
    },
  });
});

/** Everybody under the rights of its own role. */
const natsGround = async (): Promise<CellGround> => {
  const server = await startNatsServer(planUsers([]));
  const clients: Bus[] = [];
  return bridgeGround({
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

requireSuite(t, 'nats', () => cellBackendContract(t, 'Mesos, over NATS', natsGround));
