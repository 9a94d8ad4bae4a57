import type { CellBackend } from '../../auctioneer/backends/cell-backend.js';
import type { Failure } from '../../auctioneer/core/decide.js';
import type { Deferred } from '../../auctioneer/core/outcomes.js';
import { DEFAULT_POLICY, type Policy } from '../../auctioneer/core/policy.js';
import type { DecidedBatch } from '../../auctioneer/core/recording/batch.js';
import { createAuctioneerMetrics } from '../../auctioneer/metrics.js';
import { type Runner, createRunner } from '../../auctioneer/runner/runner.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { Metrics } from '../../common/ports/metrics.js';
import { type Recording, startRecording } from './auction-records.js';

export interface TestRunner extends Recording {
  runner: Runner;
  batches: DecidedBatch[];
  failures: Failure[];
  deferred: Deferred[];
  metrics: Metrics;
}

/** The runner itself over some backend, recording what it does. */
export const startRunner = (backend: CellBackend, policy: Partial<Policy> = {}): TestRunner => {
  const recording = startRecording();
  const [batches, failures, deferred]: [DecidedBatch[], Failure[], Deferred[]] = [[], [], []];
  const metrics = createPrometheusMetrics({ logger: silentLogger });
  const runner = createRunner({
    backend,
    policy: { ...DEFAULT_POLICY, ...policy },
    clock: createSystemClock(),
    random: createSeededRandom(1),
    logger: recording.logger,
    workDeadlineMs: 1_000,
    metrics: createAuctioneerMetrics(metrics, () => true),
    record(batch) {
      batches.push(batch);
      recording.recorder.record(batch);
    },
    report: async (unplaced) => {
      failures.push(...unplaced.failed);
      deferred.push(...unplaced.deferred);
    },
  });
  return { ...recording, runner, batches, failures, deferred, metrics };
};
