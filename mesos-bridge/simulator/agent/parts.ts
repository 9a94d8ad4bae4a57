/** What the parts of one simulated agent share. */
import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { Random } from '../../../common/ports/random.js';
import type { AgentInfo, Attribute, DomainInfo, FrameworkInfo, Resource } from '../../protocol/messages.js';
import type { AgentMessage, MasterDoor } from '../link.js';
import { toMs } from './environment.js';
import type { ExecutorDoor } from './executor-door.js';
import type { ExecutorLauncher } from './launcher.js';
import { createdFramework } from './records.js';
import type { ExecutorRecord, FrameworkRecord } from './records.js';
import type { StatusUpdates } from './status-updates.js';

/** ms; the flags of a Mesos agent, and what else it waits for */
export interface AgentTimes {
  readonly executorRegistration: number;
  readonly executorReregistration: number;
  readonly shutdownGrace: number;
  readonly recoveryTimeout: number;
  /** without a ping for so long it looks for the master anew */
  readonly pingTimeout: number;
  /** the first wait before it registers lies between 0 and this, and doubles up to a minute */
  readonly registrationBackoff: number;
  readonly executorHeartbeat: number;
  /** after a restart: until it knows its containers again */
  readonly containerRecovery: number;
}

export const AGENT_TIMES: AgentTimes = {
  executorRegistration: 60_000,
  executorReregistration: 2_000,
  shutdownGrace: 5_000,
  recoveryTimeout: 900_000,
  pingTimeout: 75_000,
  registrationBackoff: 1_000,
  executorHeartbeat: 1_800_000,
  containerRecovery: 50,
};

/** Where the agent's executors reach it. */
export interface AgentEndpoint {
  /** starts listening, unless it does; the same port for as long as the agent's machine lives */
  open(): Promise<number>;
  /** as when the process dies: every connection breaks */
  crash(): void;
  close(): Promise<void>;
}

export interface AgentOptions {
  readonly hostname: string;
  readonly ip: string;
  /** as offers show it; the endpoint's own is known only when the first executor needs it */
  readonly port: number;
  readonly resources: readonly Resource[];
  readonly attributes: readonly Attribute[];
  readonly domain?: DomainInfo;
  /** asked in order until one answers */
  readonly masters: readonly MasterDoor[];
  readonly launcher: ExecutorLauncher;
  /** starts what runs tasks that bring a command instead of an executor, and the default executor */
  builtIn(door: ExecutorDoor): ExecutorLauncher;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** executors' sandboxes lie below it */
  readonly workDir: string;
  /** for every executor */
  readonly environment?: Readonly<Record<string, string>>;
  readonly times?: Partial<AgentTimes>;
}

/**
 * down: its process does not run; recovering: it does not know its containers yet; reconnecting: it waits for
 * their executors; detached: no master knows it, or it knows none; registered: one does
 */
export type AgentPhase = 'down' | 'recovering' | 'reconnecting' | 'detached' | 'registered' | 'ended';

export interface DrainRecord {
  readonly maxGraceNanoseconds?: bigint;
  readonly markGone: boolean;
}

export interface AgentState {
  phase: AgentPhase;
  id?: string;
  drain?: DrainRecord;
  readonly frameworks: Map<string, FrameworkRecord>;
  /** what operations made of the agent's resources */
  checkpointed: readonly Resource[];
}

export interface AgentParts {
  readonly options: AgentOptions;
  readonly times: AgentTimes;
  readonly state: AgentState;
  readonly updates: StatusUpdates;
  readonly endpoint: AgentEndpoint;
  readonly builtIn: ExecutorLauncher;
  /** to the master; nowhere while there is none */
  tell(message: AgentMessage): void;
}

export const frameworkOf = ({ state }: AgentParts, info: FrameworkInfo): FrameworkRecord => {
  const id = info.id?.value ?? '';
  const found = state.frameworks.get(id);
  if (found) return found;
  const made = createdFramework(id, info);
  state.frameworks.set(id, made);
  return made;
};

export const executorOf = (
  { state }: AgentParts,
  frameworkId: string,
  executorId: string,
): ExecutorRecord | undefined => state.frameworks.get(frameworkId)?.executors.get(executorId);

/** One whose executors and statuses are all gone is forgotten. */
export const forgetIfIdle = ({ state }: AgentParts, framework: FrameworkRecord): void => {
  if (framework.executors.size === 0 && framework.streams.size === 0) state.frameworks.delete(framework.id);
};

export const agentInfo = ({ options, state }: AgentParts): AgentInfo => ({
  hostname: options.hostname,
  port: options.port,
  resources: options.resources,
  attributes: options.attributes,
  ...(state.id !== undefined && { id: { value: state.id } }),
  ...(options.domain && { domain: options.domain }),
});

/** ms between SHUTDOWN and the end of the executor's container */
export const graceOf = ({ info }: ExecutorRecord, { shutdownGrace }: AgentTimes): number =>
  info.shutdownGracePeriod === undefined ? shutdownGrace : toMs(info.shutdownGracePeriod.nanoseconds);
