import type { Check } from '../../common/model/action.js';
import { goDuration } from './go-duration.js';

/** Diego's: between probes of a container that has not passed yet. */
const UNHEALTHY_INTERVAL_MS = 2_000;
/** The first probes come faster, so that an application which is up at once is RUNNING at once. */
const FIRST_PROBE_MS = 50;
/** Diego's: between liveness probes, unless the check says otherwise. */
const HEALTHY_INTERVAL_MS = 30_000;
/** What Diego's health check takes for a start timeout of 0. */
const START_TIMEOUT_MS = 60_000;
/** Diego's: a probe that takes longer has failed. */
const PROBE_TIMEOUT_MS = 1_000;

/** A run of a monitor action that takes longer has failed; Diego would wait for ever. */
export const MONITOR_TIMEOUT_MS = 60_000;

export interface HealthTimings {
  /** ms until a container that never passed is given up; 0 = never */
  startTimeoutMs: number;
  /** ms between probes once it has passed */
  intervalMs: number;
  /** a probe knows no time of its own in which it must be done */
  mayHang: boolean;
}

/** ms to wait before the n-th probe (from 1) of a starting container: 50, 100, 200 … 2,000. */
export const startProbeDelay = (attempt: number): number =>
  Math.min(FIRST_PROBE_MS * 2 ** Math.min(attempt - 1, 10), UNHEALTHY_INTERVAL_MS);

export const checkTimings = (check: Check, startTimeoutMs: number): HealthTimings => ({
  startTimeoutMs: startTimeoutMs > 0 ? startTimeoutMs : START_TIMEOUT_MS,
  intervalMs: (check.httpCheck?.intervalMs ?? check.tcpCheck?.intervalMs ?? 0) || HEALTHY_INTERVAL_MS,
  mayHang: false,
});

/** A monitor action knows no default start timeout. */
export const monitorTimings = (startTimeoutMs: number): HealthTimings => ({
  startTimeoutMs,
  intervalMs: HEALTHY_INTERVAL_MS,
  mayHang: true,
});

export const probeTimeout = (check: Check): number =>
  (check.httpCheck?.requestTimeoutMs ?? check.tcpCheck?.connectTimeoutMs ?? 0) || PROBE_TIMEOUT_MS;

const seconds = (ms: number): string => (ms / 1000).toFixed(2);

/** What a probe found, in the words of Diego's health check. */
export type ProbeFinding =
  | { kind: 'refused' }
  /** ms waited */
  | { kind: 'timed-out'; ms: number }
  /** ms taken */
  | { kind: 'status'; status: number; ms: number };

export const tcpDetail = (address: string, finding: ProbeFinding): string => {
  const what = `failed to make TCP connection to ${address}: `;
  return finding.kind === 'timed-out'
    ? `${what}timed out after ${seconds(finding.ms)} seconds`
    : `${what}dial tcp ${address}: connect: connection refused`;
};

export const httpDetail = (target: { path: string; port: number }, finding: ProbeFinding): string => {
  const what = `failed to make HTTP request to '${target.path}' on port ${target.port}: `;
  if (finding.kind === 'refused') return `${what}connection refused`;
  if (finding.kind === 'timed-out') return `${what}timed out after ${seconds(finding.ms)} seconds`;
  return `${what}received status code ${finding.status} in ${goDuration(finding.ms)}`;
};

/** Lines in the application's log and reasons of crashes, as Diego's executor words them. */
export const HEALTH_TEXTS = {
  starting: 'Starting health monitoring of container',
  healthy: 'Container became healthy',
  unhealthy: 'Container became unhealthy',
  startingReadiness: 'Starting readiness health monitoring of container',
  ready: 'Container passed the readiness health check. Container marked ready and added to route pool.',
  notReady:
    'Container failed the readiness health check. Container marked not ready and removed from route pool.',
  neverPassed: (ms: number): string => `Failed after ${goDuration(ms)}: startup health check never passed.`,
  startupTimedOut: (ms: number, attempts: number, detail: string): string =>
    `Timed out after ${goDuration(ms)} (${attempts} attempts) waiting for startup check to succeed: ${detail}`,
  livenessFailed: (detail: string): string => `Liveness check unsuccessful: ${detail}`,
  readinessFailed: (detail: string): string => `Readiness check unsuccessful: ${detail}`,
  neverHealthy: (ms: number, detail: string): string =>
    `Instance never healthy after ${goDuration(ms)}: ${detail}`,
  /** of a monitor action that was ended; `said` is its own reason */
  monitorHangs: (ms: number, said: string): string =>
    `health check did not return within ${goDuration(ms)}: ${said}`,
  becameUnhealthy: (detail: string): string => `Instance became unhealthy: ${detail}`,
} as const;
