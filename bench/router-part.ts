/** A router with all of its features, a process of its own: bench/router.ts forks it. */
import { createNatsBus } from '../common/adapters/nats-bus.js';
import { createPinoLogger } from '../common/adapters/pino-logger.js';
import { createPrometheusMetrics } from '../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { createSystemRandom } from '../common/adapters/system-random.js';
import { createGroup } from '../common/runtime/group.js';
import { assembleRouter } from '../router/assemble.js';
import { routerConfig } from '../router/config.js';

export interface RouterOrder {
  servers: string;
  credentials: { user: string; password: string };
  config: Record<string, unknown>;
}

const start = async ({ servers, credentials, config }: RouterOrder): Promise<void> => {
  const logger = createPinoLogger({ level: 'error' });
  const compiled = routerConfig.parse(config, 'bench');
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
  const bus = createNatsBus({ servers, credentials, name: 'router', logger });
  const router = assembleRouter({
    config: compiled.value,
    clock: createSystemClock({ logger }),
    random: createSystemRandom(),
    metrics: createPrometheusMetrics({ logger, process: true }),
    logger,
    bus,
  });
  await createGroup(router.members, logger).start();
  process.send?.({ port: router.address()?.port });
  process.on('message', () => process.send?.({ routes: router.health().details['routes'] }));
};

process.once('message', (order: RouterOrder) => void start(order));
process.on('disconnect', () => process.exit());
