/** A worker's process. The router starts it, and it ends with the router. */
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createWorker } from './worker.js';
import type { ToWorker } from './messages.js';

// the router decides when it ends: a signal to all processes of a terminal is meant for that one
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, () => undefined);
process.umask(0o077);

const { hear } = createWorker({
  clock: createSystemClock(),
  random: createSystemRandom(),
  metrics: createPrometheusMetrics({ logger: silentLogger }),
  tell: (message) => void process.send?.(message),
  exit: (status) => process.exit(status),
});
process.on('message', (message: ToWorker) => void hear(message));
process.send?.({ say: 'hello' });
