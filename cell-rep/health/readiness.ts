import type { Clock } from '../../common/ports/clock.js';
import { HEALTH_TEXTS, startProbeDelay } from '../core/health-plan.js';
import type { ContainerLog } from '../logs/container-log.js';
import { pause } from '../waiting/pause.js';
import type { WatchedProbe } from './liveness.js';

export interface ReadinessOptions {
  probes: WatchedProbe[];
  clock: Clock;
  log: ContainerLog;
  logSource: string;
  signal: AbortSignal;
  onReady(ready: boolean): void;
}

/**
 * Watches whether an instance should receive traffic; never ends it. All probes must pass; the first to
 * fail takes it out. An instance that is not ready is probed like a starting one.
 */
export const watchReadiness = async (options: ReadinessOptions): Promise<void> => {
  const { clock, log, logSource, signal, onReady } = options;
  const say = (stream: 'OUT' | 'ERR', text: string): void => log.line(logSource, stream, text);
  const interval = Math.min(...options.probes.map(({ timings }) => timings.intervalMs));
  let ready = false;
  let attempt = 1;
  say('OUT', HEALTH_TEXTS.startingReadiness);
  while (await pause(clock, ready ? interval : startProbeDelay(attempt), signal)) {
    const results = await Promise.all(options.probes.map(({ probe }) => probe(signal)));
    if (signal.aborted) return;
    const failed = results.find((one) => !one.healthy);
    attempt = ready ? 1 : attempt + 1;
    if (ready === (failed === undefined)) continue;
    ready = failed === undefined;
    if (failed !== undefined && !failed.healthy) say('ERR', HEALTH_TEXTS.readinessFailed(failed.detail));
    say('OUT', ready ? HEALTH_TEXTS.ready : HEALTH_TEXTS.notReady);
    onReady(ready);
  }
};
