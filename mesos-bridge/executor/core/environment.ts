import type { Result } from '../../../common/model/result.js';
import { err, ok } from '../../../common/model/result.js';
import { durationMs } from './durations.js';

/** What Mesos's agent and the bridge tell an executor in its environment (mesos-v1.md §6.4). */
export interface ExecutorEnvironment {
  readonly frameworkId: string;
  readonly executorId: string;
  readonly agentId: string;
  /** where the agent's executor API is: `http://HOST:PORT` */
  readonly agentUrl: string;
  /** of the agent's machine, as routers reach it */
  readonly address: string;
  /** seen by the executor; the agent shows what is in it to whoever may look at the agent */
  readonly sandbox: string;
  /** ms between SHUTDOWN and the end of the executor's container */
  readonly shutdownGraceMs: number;
  /** of a framework that checkpoints; undefined: with its agent the executor ends */
  readonly recovery:
    | {
        /** ms after which an agent that has not come back is lost */
        readonly timeoutMs: number;
        /** ms that attempts to subscribe wait at most */
        readonly backOffMs: number;
      }
    | undefined;
  /** for the agent, where it asks its executors who they are */
  readonly authenticationToken: string | undefined;
  readonly enrolment: {
    readonly url: string;
    readonly token: string;
    /** PEM; undefined: the authorities that the system trusts */
    readonly ca: string | undefined;
  };
  /** where the executor keeps what is nobody else's to see; undefined: it chooses */
  readonly dataDir: string | undefined;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** Names of what the bridge adds to the environment. None of them is worth anything once the executor has enrolled. */
export const ENROLMENT_URL = 'OUTCRY_ENROLMENT_URL';
export const ENROLMENT_TOKEN = 'OUTCRY_ENROLMENT_TOKEN';
export const ENROLMENT_CA = 'OUTCRY_ENROLMENT_CA';
export const DATA_DIR = 'OUTCRY_EXECUTOR_DATA_DIR';

const NEEDED = [
  'MESOS_FRAMEWORK_ID',
  'MESOS_EXECUTOR_ID',
  'MESOS_SLAVE_ID',
  'MESOS_AGENT_ENDPOINT',
  ENROLMENT_URL,
  ENROLMENT_TOKEN,
] as const;

/** Mesos's defaults (mesos-v1.md §20). */
const SHUTDOWN_GRACE = '5secs';
const RECOVERY_TIMEOUT = '15mins';
const BACK_OFF = '2secs';

const present = (text: string | undefined): string | undefined =>
  text === undefined || text === '' ? undefined : text;

const duration = (env: Variables, name: string, standard: string): Result<number, string> => {
  const text = present(env[name]) ?? standard;
  const ms = durationMs(text);
  return ms === undefined ? err(`${name} is "${text}", which is no duration`) : ok(ms);
};

/** As libprocess reads its flags. */
const isSet = (flag: string | undefined): boolean => flag === '1' || flag === 'true';

/** `[::1]:5051` → `::1` */
const hostOf = (endpoint: string): string =>
  endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');

const isUrl = (text: string): boolean => /^https?:\/\/[^/]/.test(text);

/** What is wrong is said in words: the name of the variable, and what it should be. */
export const readEnvironment = (env: Variables): Result<ExecutorEnvironment, string> => {
  const missing = NEEDED.filter((name) => present(env[name]) === undefined);
  if (missing.length > 0) return err(`${missing.join(', ')}: not set`);
  const need = (name: (typeof NEEDED)[number]): string => env[name] ?? '';
  const url = need(ENROLMENT_URL);
  if (!isUrl(url)) return err(`${ENROLMENT_URL} is "${url}", which is no URL`);
  const grace = duration(env, 'MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD', SHUTDOWN_GRACE);
  const timeout = duration(env, 'MESOS_RECOVERY_TIMEOUT', RECOVERY_TIMEOUT);
  const backOff = duration(env, 'MESOS_SUBSCRIPTION_BACKOFF_MAX', BACK_OFF);
  if (!grace.ok) return grace;
  if (!timeout.ok) return timeout;
  if (!backOff.ok) return backOff;
  return ok({
    frameworkId: need('MESOS_FRAMEWORK_ID'),
    executorId: need('MESOS_EXECUTOR_ID'),
    agentId: need('MESOS_SLAVE_ID'),
    agentUrl: `${isSet(env['LIBPROCESS_SSL_ENABLED']) ? 'https' : 'http'}://${need('MESOS_AGENT_ENDPOINT')}`,
    address: hostOf(need('MESOS_AGENT_ENDPOINT')),
    sandbox: present(env['MESOS_SANDBOX']) ?? present(env['MESOS_DIRECTORY']) ?? '.',
    shutdownGraceMs: grace.value,
    recovery:
      env['MESOS_CHECKPOINT'] === '1' ? { timeoutMs: timeout.value, backOffMs: backOff.value } : undefined,
    authenticationToken: present(env['MESOS_EXECUTOR_AUTHENTICATION_TOKEN']),
    enrolment: { url, token: need(ENROLMENT_TOKEN), ca: present(env[ENROLMENT_CA]) },
    dataDir: present(env[DATA_DIR]),
  });
};
