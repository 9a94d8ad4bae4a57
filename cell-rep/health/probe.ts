import { connect } from 'node:net';
import type { Dispatcher } from 'undici';
import { Agent, request } from 'undici';
import type { Check } from '../../common/model/action.js';
import type { Clock } from '../../common/ports/clock.js';
import type { ContainerInfo } from '../core/container-runtime.js';
import type { ProbeFinding } from '../core/health-plan.js';
import { OVERSLEPT_MS } from '../waiting/awake-time.js';
import { httpDetail, probeTimeout, tcpDetail } from '../core/health-plan.js';

/** `detail` says what was wrong, in the words of Diego's health check. */
export type ProbeResult = { healthy: true } | { healthy: false; detail: string };

export type Probe = (signal: AbortSignal) => Promise<ProbeResult>;

interface Target {
  host: string;
  port: number;
  timeoutMs: number;
}

const HEALTHY: ProbeResult = { healthy: true };
const unhealthy = (detail: string): ProbeResult => ({ healthy: false, detail });

/** Each probe makes its own connection: what is to be seen is whether the application accepts one now. */
const createAgent = (): Agent => new Agent({ pipelining: 0, keepAliveTimeout: 1, connections: 1 });

/** undefined: it accepted the connection */
const tryTcp = (target: Target, clock: Clock, signal: AbortSignal): Promise<ProbeFinding | undefined> =>
  new Promise((resolve) => {
    const started = clock.monotonic();
    const socket = connect({ host: target.host, port: target.port });
    const end = (finding: ProbeFinding | undefined): void => {
      cancel();
      signal.removeEventListener('abort', abandon);
      socket.destroy();
      resolve(finding);
    };
    const abandon = (): void => end({ kind: 'refused' });
    const cancel = clock.after(target.timeoutMs, () =>
      end({ kind: 'timed-out', ms: clock.monotonic() - started }),
    );
    signal.addEventListener('abort', abandon, { once: true });
    socket.once('connect', () => end(undefined));
    socket.once('error', () => end({ kind: 'refused' }));
  });

const tryHttp = async (
  target: Target & { path: string },
  clock: Clock,
  signal: AbortSignal,
): Promise<ProbeFinding | undefined> => {
  const started = clock.monotonic();
  const elapsed = (): number => clock.monotonic() - started;
  const giveUp = new AbortController();
  const abandon = (): void => giveUp.abort();
  let timedOut = false;
  const cancel = clock.after(target.timeoutMs, () => {
    timedOut = true;
    giveUp.abort();
  });
  signal.addEventListener('abort', abandon, { once: true });
  const agent = createAgent();
  try {
    const answer: Dispatcher.ResponseData = await request(
      `http://${target.host}:${target.port}${target.path}`,
      {
        dispatcher: agent,
        signal: giveUp.signal,
        headers: { 'user-agent': 'diego-healthcheck', 'x-forwarded-proto': 'https' },
      },
    );
    answer.body.on('error', () => undefined).destroy();
    return answer.statusCode === 200
      ? undefined
      : { kind: 'status', status: answer.statusCode, ms: elapsed() };
  } catch {
    return timedOut ? { kind: 'timed-out', ms: elapsed() } : { kind: 'refused' };
  } finally {
    cancel();
    signal.removeEventListener('abort', abandon);
    void agent.destroy();
  }
};

/**
 * Where a container port answers: its host port, or the port itself at the container's own address. undefined: the
 * container has no address yet.
 */
const reach = (info: ContainerInfo, port: number): { host: string; port: number } | undefined => {
  if (info.checkAddress !== undefined) {
    return info.checkAddress === '' ? undefined : { host: info.checkAddress, port };
  }
  const mapping = info.ports.find(({ containerPort }) => containerPort === port);
  return mapping === undefined
    ? { host: info.instanceAddress || info.address, port }
    : { host: info.address, port: mapping.hostPort };
};

const withSlash = (path: string): string => (path.startsWith('/') ? path : `/${path}`);

const NOWHERE = Promise.resolve<ProbeFinding>({ kind: 'refused' });

/** Probes again when the time-out is this process's own fault: a machine that wakes up loses no instance. */
const awake = async (
  probe: () => Promise<ProbeFinding | undefined>,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<ProbeFinding | undefined> => {
  for (;;) {
    const finding = await probe();
    const overslept = finding?.kind === 'timed-out' && finding.ms > timeoutMs + OVERSLEPT_MS;
    if (!overslept || signal.aborted) return finding;
  }
};

/** Makes the probe of one check. Texts name the container's port, which is the one its user knows. */
export const createProbe = (check: Check, info: () => ContainerInfo, clock: Clock): Probe => {
  const timeoutMs = probeTimeout(check);
  if (check.httpCheck !== undefined) {
    const { port } = check.httpCheck;
    const path = withSlash(check.httpCheck.path);
    return async (signal) => {
      const place = reach(info(), port);
      const ask = (): Promise<ProbeFinding | undefined> =>
        place ? tryHttp({ ...place, timeoutMs, path }, clock, signal) : NOWHERE;
      const finding = await awake(ask, { timeoutMs, signal });
      return finding === undefined ? HEALTHY : unhealthy(httpDetail({ path, port }, finding));
    };
  }
  const port = check.tcpCheck?.port ?? 0;
  return async (signal) => {
    const now = info();
    const place = reach(now, port);
    const ask = (): Promise<ProbeFinding | undefined> =>
      place ? tryTcp({ ...place, timeoutMs }, clock, signal) : NOWHERE;
    const finding = await awake(ask, { timeoutMs, signal });
    if (finding === undefined) return HEALTHY;
    return unhealthy(tcpDetail(`${now.instanceAddress || now.address}:${port}`, finding));
  };
};
