import { err, ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';
import { parseDuration } from '../duration.js';

/** What an agent tells an executor in its environment. */
export interface ExecutorEnvironment {
  readonly frameworkId: string;
  readonly executorId: string;
  readonly agentId: string;
  /** of the agent, `host:port` */
  readonly agentEndpoint: string;
  /** the sandbox, as the executor sees it */
  readonly sandbox: string;
  /** whether the executor lives on when its agent restarts */
  readonly checkpoint: boolean;
  /** ms from SHUTDOWN until the agent kills */
  readonly shutdownGraceMs: number;
  /** ms without an agent until the executor ends */
  readonly recoveryTimeoutMs: number;
  /** ms between attempts to subscribe, at most */
  readonly backOffMaxMs: number;
  /** '' = the agent asks for none */
  readonly token: string;
  /** whether the agent speaks TLS, as operators have it told to executors */
  readonly overTls: boolean;
  /** authority of the agent's certificate; '' = not told */
  readonly caFile: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

const NEEDED = ['MESOS_FRAMEWORK_ID', 'MESOS_EXECUTOR_ID', 'MESOS_AGENT_ENDPOINT'] as const;

/** What agents say by default, where they do not say it. */
const DEFAULTS = {
  MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
  MESOS_RECOVERY_TIMEOUT: '15mins',
  MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
} as const;

const duration = (variables: Variables, name: keyof typeof DEFAULTS): number =>
  parseDuration(variables[name] ?? '') ?? parseDuration(DEFAULTS[name]) ?? 0;

/** The reason when it is not the environment of an executor. Durations that cannot be read count as not given. */
export const readExecutorEnvironment = (variables: Variables): Result<ExecutorEnvironment, string> => {
  const absent = NEEDED.filter((name) => !variables[name]);
  if (absent.length > 0) return err(`${absent.join(', ')} not set: an executor is started by a Mesos agent`);
  const text = (name: string): string => variables[name] ?? '';
  return ok({
    frameworkId: text('MESOS_FRAMEWORK_ID'),
    executorId: text('MESOS_EXECUTOR_ID'),
    agentId: text('MESOS_SLAVE_ID'),
    agentEndpoint: text('MESOS_AGENT_ENDPOINT'),
    sandbox: text('MESOS_SANDBOX') || text('MESOS_DIRECTORY'),
    checkpoint: text('MESOS_CHECKPOINT') === '1',
    shutdownGraceMs: duration(variables, 'MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD'),
    recoveryTimeoutMs: duration(variables, 'MESOS_RECOVERY_TIMEOUT'),
    backOffMaxMs: duration(variables, 'MESOS_SUBSCRIPTION_BACKOFF_MAX'),
    token: text('MESOS_EXECUTOR_AUTHENTICATION_TOKEN'),
    overTls: /^(1|true)$/.test(text('LIBPROCESS_SSL_ENABLED') || text('SSL_ENABLED')),
    caFile: text('LIBPROCESS_SSL_CA_FILE') || text('SSL_CA_FILE'),
  });
};
