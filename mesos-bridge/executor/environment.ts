import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import { readExecutorEnvironment } from '../protocol/executor/environment.js';
import type { ExecutorEnvironment as AgentEnvironment } from '../protocol/executor/environment.js';

/** What Mesos's agent and the bridge tell an executor in its environment. */
export interface ExecutorEnvironment {
  readonly agent: AgentEnvironment;
  /** of the agent's machine, as routers reach it */
  readonly address: string;
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

const NEEDED = ['MESOS_SLAVE_ID', ENROLMENT_URL, ENROLMENT_TOKEN] as const;

/** `[::1]:5051` → `::1` */
const hostOf = (endpoint: string): string =>
  endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');

const present = (text: string | undefined): string | undefined => (text ? text : undefined);

/** What is wrong is said in words: the name of the variable, and what it should be. */
export const readEnvironment = (env: Variables): Result<ExecutorEnvironment, string> => {
  const agent = readExecutorEnvironment(env);
  if (!agent.ok) return agent;
  const missing = NEEDED.filter((name) => !env[name]);
  if (missing.length > 0) return err(`${missing.join(', ')} not set: the bridge gives it`);
  const url = env[ENROLMENT_URL] ?? '';
  if (!/^https?:\/\/[^/]/.test(url)) return err(`${ENROLMENT_URL} is "${url}", which is no URL`);
  return ok({
    agent: agent.value,
    address: hostOf(agent.value.agentEndpoint),
    enrolment: { url, token: env[ENROLMENT_TOKEN] ?? '', ca: present(env[ENROLMENT_CA]) },
    dataDir: present(env[DATA_DIR]),
  });
};
