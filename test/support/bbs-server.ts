import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCaptureLogger, silentLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import type { StoreEngine } from '../../common/store/engine.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { createBbsClient } from '../../bbs/index.js';
import { must } from './bbs.js';

/** A BBS as it is assembled, on a memory bus and, unless given, a memory engine, listening on a unix socket. */
export const startBbs = async (
  t: { teardown(fn: () => unknown): unknown },
  given: { engine?: StoreEngine; dir?: string; config?: object } = {},
) => {
  const clock = createSystemClock();
  const dir = given.dir ?? mkdtempSync(join(tmpdir(), 'bbs-'));
  const socketPath = join(dir, 'bbs.sock');
  const logger = createCaptureLogger();
  const metrics = createPrometheusMetrics({ logger });
  const { members } = assembleBbs({
    metrics,
    config: must(bbsConfig.parse({ listen: { socket: socketPath }, ...given.config }, 'test')),
    clock,
    random: createSystemRandom(),
    logger,
    bus: createMemoryBus(),
    engine: given.engine ?? createMemoryEngine(),
  });
  const group = createGroup(members, silentLogger);
  await group.start();
  const client = createBbsClient({ endpoint: { socketPath }, clock, logger: silentLogger });
  const stop = async (): Promise<void> => {
    await client.close();
    await group.stop();
  };
  t.teardown(async () => {
    await stop();
    if (!given.dir) rmSync(dir, { recursive: true, force: true });
  });
  return { client, socketPath, logger, metrics, stop, group };
};
