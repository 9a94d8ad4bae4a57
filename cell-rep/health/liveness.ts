import type { Clock } from '../../common/ports/clock.js';
import type { HealthTimings } from '../core/health-plan.js';
import { HEALTH_TEXTS, startProbeDelay } from '../core/health-plan.js';
import type { ContainerLog } from '../logs/container-log.js';
import { createAwakeTime } from '../waiting/awake-time.js';
import type { AwakeTime } from '../waiting/awake-time.js';
import { pause } from '../waiting/pause.js';
import type { Probe } from './probe.js';

/** ms that the last probe has at least, which comes when the time is up */
const LAST_PROBE_MS = 5_000;

export interface WatchedProbe {
  probe: Probe;
  timings: HealthTimings;
}

export interface LivenessOptions {
  probes: WatchedProbe[];
  /** already running when the rep adopted it: its start is not watched again */
  alreadyHealthy: boolean;
  clock: Clock;
  log: ContainerLog;
  logSource: string;
  signal: AbortSignal;
  /** all probes have passed once */
  onHealthy(): void;
}

/** Why a probe is ended that goes on when its start timeout is over. */
export const OVERDUE = 'the start timeout is over';

/** Probes, at most until a time is over: what never returns has not passed. */
const probeWithin = async (
  { probe, timings }: WatchedProbe,
  { clock, signal }: LivenessOptions,
  ms: number,
): ReturnType<Probe> => {
  if (!timings.mayHang || ms === Infinity) return probe(signal);
  const over = new AbortController();
  const cancel = clock.after(Math.max(ms, LAST_PROBE_MS), () => over.abort(OVERDUE));
  return probe(AbortSignal.any([signal, over.signal])).finally(cancel);
};

/** `detail` as for the log, `reason` as for the crash. */
type Startup = { passed: true } | { passed: false; detail: string; ms: number } | undefined;

/** Probes until one passes or the start timeout ends; undefined when interrupted. */
const probeUntilPass = async (
  one: WatchedProbe,
  options: LivenessOptions,
  time: AwakeTime,
): Promise<Startup> => {
  const { timings } = one;
  const { clock, signal } = options;
  // the last probe comes when the time is up, not after it
  const left = (): number =>
    timings.startTimeoutMs > 0 ? timings.startTimeoutMs - time.elapsed() : Infinity;
  for (let attempt = 1; ; attempt += 1) {
    const delay = Math.max(0, Math.min(startProbeDelay(attempt), left()));
    if (!(await pause(clock, delay, signal))) return undefined;
    const result = await probeWithin(one, options, left());
    if (result.healthy) return { passed: true };
    if (signal.aborted) return undefined;
    if (left() <= 0) {
      const ms = time.elapsed();
      return { passed: false, ms, detail: HEALTH_TEXTS.startupTimedOut(ms, attempt, result.detail) };
    }
  }
};

/** No application is given up for time in which neither it nor its probes ran: a sleeping machine's. */
const awaitFirstPass = async (one: WatchedProbe, options: LivenessOptions): Promise<Startup> => {
  const time = createAwakeTime(options.clock);
  try {
    return await probeUntilPass(one, options, time);
  } finally {
    time.stop();
  }
};

/** Probes until one fails: a single failure ends the instance, as in Diego. undefined when interrupted. */
const awaitFailure = async (
  { probe, timings }: WatchedProbe,
  options: LivenessOptions,
): Promise<string | undefined> => {
  while (await pause(options.clock, timings.intervalMs, options.signal)) {
    const result = await probe(options.signal);
    if (options.signal.aborted) return undefined;
    if (!result.healthy) return HEALTH_TEXTS.livenessFailed(result.detail);
  }
  return undefined;
};

/**
 * Watches a container's health until it fails; resolves with the reason of the crash, or undefined when
 * the container ended for another reason.
 */
export const watchLiveness = async (options: LivenessOptions): Promise<string | undefined> => {
  const { log, logSource, probes } = options;
  const say = (stream: 'OUT' | 'ERR', text: string): void => log.line(logSource, stream, text);

  if (!options.alreadyHealthy) {
    say('OUT', HEALTH_TEXTS.starting);
    const starts = await firstFailed(probes.map((one) => awaitFirstPass(one, options)));
    if (starts === undefined) return undefined;
    if (!starts.passed) {
      say('ERR', starts.detail);
      say('ERR', HEALTH_TEXTS.neverPassed(starts.ms));
      return HEALTH_TEXTS.neverHealthy(starts.ms, starts.detail);
    }
    say('OUT', HEALTH_TEXTS.healthy);
    options.onHealthy();
  }
  const detail = await Promise.race(probes.map((one) => awaitFailure(one, options)));
  if (detail === undefined) return undefined;
  say('ERR', detail);
  say('OUT', HEALTH_TEXTS.unhealthy);
  return HEALTH_TEXTS.becameUnhealthy(detail);
};

/** The first start that did not pass, as soon as it is known; else that all passed. */
const firstFailed = (starts: Promise<Startup>[]): Promise<Startup> =>
  new Promise((resolve, reject) => {
    for (const start of starts) start.then((one) => one?.passed === true || resolve(one), reject);
    void Promise.all(starts).then(() => resolve({ passed: true }), reject);
  });
