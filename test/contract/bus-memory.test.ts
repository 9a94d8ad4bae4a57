import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { busContract } from './bus.js';

busContract(t, 'in memory', async () => {
  const logger = createCaptureLogger();
  const broker = createMemoryBus({ logger });
  const clients: MemoryBus[] = [];
  // deadlines do not keep a process alive, and unlike NATS there is no socket that would
  const alive = setInterval(() => undefined, 1_000);
  return {
    logger,
    async connect() {
      const client = broker.client();
      clients.push(client);
      return client;
    },
    async cut() {
      for (const client of clients) client.disconnect();
    },
    async mend() {
      for (const client of clients) client.reconnect();
    },
    async close() {
      for (const client of clients) await client.close();
      clearInterval(alive);
    },
  };
});
