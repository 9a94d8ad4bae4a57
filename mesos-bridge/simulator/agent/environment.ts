/** What an executor finds in its environment, as src/slave/slave.cpp of Mesos makes it. */
import { UNITS } from '../../protocol/duration.js';
import type { FrameworkInfo } from '../../protocol/messages.js';
import type { ExecutorRecord } from './records.js';

const NANOSECONDS_PER_MS = 1_000_000n;

/** `5secs`, `15mins`, `250ms`: the largest unit that the duration reaches */
export const durationText = (ms: number): string => {
  const [name, unit] = UNITS.find(([, size]) => ms >= size && size >= 1) ?? ['ms', 1];
  return `${ms / unit}${name}`;
};

export const toMs = (nanoseconds: bigint): number => Number(nanoseconds / NANOSECONDS_PER_MS);

export interface EnvironmentFacts {
  readonly agentId: string;
  readonly ip: string;
  /** where the agent's endpoint listens */
  readonly port: number;
  readonly executor: ExecutorRecord;
  readonly framework: FrameworkInfo;
  readonly graceMs: number;
  readonly recoveryTimeoutMs: number;
  readonly reregistrationTimeoutMs: number;
  /** of the agent's own configuration, for every executor */
  readonly extra: Readonly<Record<string, string>>;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const whereCheckpointing = (facts: EnvironmentFacts): Record<string, string> =>
  facts.framework.checkpoint === true
    ? {
        MESOS_CHECKPOINT: '1',
        MESOS_RECOVERY_TIMEOUT: durationText(facts.recoveryTimeoutMs),
        MESOS_SUBSCRIPTION_BACKOFF_MAX: durationText(facts.reregistrationTimeoutMs),
      }
    : { MESOS_CHECKPOINT: '0' };

export const executorEnvironment = (facts: EnvironmentFacts): Record<string, string> => {
  const { agentId, ip, port, executor } = facts;
  const asked = executor.info.command?.environment?.variables ?? [];
  return {
    PATH,
    LIBPROCESS_IP: ip,
    LIBPROCESS_PORT: '0',
    MESOS_FRAMEWORK_ID: executor.frameworkId,
    MESOS_EXECUTOR_ID: executor.id,
    MESOS_AGENT_ENDPOINT: `${ip}:${port}`,
    MESOS_SLAVE_ID: agentId,
    MESOS_SLAVE_PID: `slave(1)@${ip}:${port}`,
    MESOS_DIRECTORY: executor.sandbox,
    MESOS_SANDBOX: executor.sandbox,
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: durationText(facts.graceMs),
    MESOS_EXECUTOR_AUTHENTICATION_TOKEN: executor.token,
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    ...whereCheckpointing(facts),
    ...facts.extra,
    ...Object.fromEntries(asked.map(({ name, value = '' }) => [name, value])),
  };
};
