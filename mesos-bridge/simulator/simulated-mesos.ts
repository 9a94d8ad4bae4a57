/** A whole simulated Mesos in one process: one or two masters, any number of agents, and what starts executors. */
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { createAgent } from './agent/agent.js';
import type { SimulatedAgent } from './agent/agent.js';
import type { ExecutorLauncher } from './agent/launcher.js';
import type { AgentTimes } from './agent/parts.js';
import { attributesOf, domainOf, resourcesOf } from './agent-specs.js';
import type { AgentSpec } from './agent-specs.js';
import { createFaults } from './faults.js';
import type { Faults } from './faults.js';
import { createExecutorEndpoint } from './handlers/executor-endpoint.js';
import type { Credentials } from './handlers/master-server.js';
import type { MasterFlags } from './master/flags.js';
import { createRegistry } from './master/master.js';
import { createBuiltInLaunchers } from './processes/built-in-launcher.js';
import { createProcessLauncher } from './processes/process-launcher.js';
import { createSimulatedMaster } from './simulated-master.js';
import type { SimulatedMaster } from './simulated-master.js';

export interface SimulatedMesosOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly agents: readonly AgentSpec[];
  readonly credentials: Credentials;
  /** sandboxes of executors lie below it */
  readonly workDir: string;
  /** the first leads, the second sends everybody to it; default 1 */
  readonly masters?: 1 | 2;
  /** of the first master, the second listens on the next; default 0: any that are free */
  readonly port?: number;
  /** default 127.0.0.1 */
  readonly ip?: string;
  /** default: real processes of this machine */
  readonly launcher?: ExecutorLauncher;
  /** every executor's, besides what Mesos gives it */
  readonly environment?: Readonly<Record<string, string>>;
  readonly flags?: Partial<MasterFlags>;
  readonly times?: Partial<AgentTimes>;
}

export interface SimulatedMesos {
  readonly masters: readonly SimulatedMaster[];
  readonly agents: readonly SimulatedAgent[];
  /** of links, streams and subscriptions, on all masters */
  readonly faults: Faults;
  leader(): SimulatedMaster;
  /** by hostname or by id */
  agent(name: string): SimulatedAgent;
  /** one more, which starts at once */
  addAgent(spec: AgentSpec): SimulatedAgent;
  /** the connection lives, and nothing comes through it, until healed; by hostname or by id */
  partition(name: string): void;
  heal(name: string): void;
  /** another leads from now on; where there is one master alone, a new one in its place */
  failOver(): void;
  /** has all executors end in their own time: what they run ends with them, and they tell of it */
  retire(): Promise<void>;
  /** ends all at once; resolves when nothing is left of it, executors included */
  stop(): Promise<void>;
}

const startMasters = async (options: SimulatedMesosOptions, faults: Faults): Promise<SimulatedMaster[]> => {
  const { clock, random, credentials, flags, ip, port = 0, masters: count = 1 } = options;
  const registry = createRegistry();
  const masters: SimulatedMaster[] = [];
  try {
    for (let index = 0; index < count; index += 1)
      masters.push(
        await createSimulatedMaster({
          clock,
          random,
          credentials,
          registry,
          faults,
          port: port === 0 ? 0 : port + index,
          ...(ip !== undefined && { ip }),
          ...(flags && { flags }),
        }),
      );
  } catch (error) {
    await Promise.all(masters.map((master) => master.kill()));
    throw error;
  }
  const [leader, ...others] = masters;
  for (const other of others) other.follow(leader?.address);
  return masters;
};

interface AgentGround {
  readonly options: SimulatedMesosOptions;
  readonly masters: readonly SimulatedMaster[];
  readonly launcher: ExecutorLauncher;
  readonly builtIns: ReturnType<typeof createBuiltInLaunchers>;
}

/** as a Mesos agent's own; each has one of its own, by which masters tell them apart */
const FIRST_AGENT_PORT = 5051;

const makeAgent = (
  { options, masters, launcher, builtIns }: AgentGround,
  spec: AgentSpec,
  index: number,
): SimulatedAgent => {
  const { clock, random, logger, workDir, ip = '127.0.0.1', environment, times } = options;
  const domain = domainOf(spec);
  return createAgent(
    {
      hostname: spec.hostname,
      ip,
      port: FIRST_AGENT_PORT + index,
      resources: resourcesOf(spec),
      attributes: attributesOf(spec),
      masters: masters.map(({ door }) => door),
      launcher,
      builtIn: builtIns.launcherFor,
      clock,
      random,
      logger,
      workDir: `${workDir}/${spec.hostname}`,
      ...(domain && { domain }),
      ...(environment && { environment }),
      ...(times && { times }),
    },
    (door) => createExecutorEndpoint(door, { ip, port: 0, logger }),
  );
};

const failOver = (masters: readonly SimulatedMaster[]): void => {
  const at = masters.findIndex((master) => master.state() !== undefined);
  const next = masters[(at + 1) % masters.length];
  for (const other of masters) if (other !== next) other.follow(next?.address);
  next?.lead();
};

export const startSimulatedMesos = async (options: SimulatedMesosOptions): Promise<SimulatedMesos> => {
  const { clock, random } = options;
  const faults = createFaults();
  const masters = await startMasters(options, faults);
  const processes = createProcessLauncher();
  const builtIns = createBuiltInLaunchers({ clock, random });
  const ground: AgentGround = { options, masters, launcher: options.launcher ?? processes, builtIns };
  const agents: SimulatedAgent[] = [];
  const addAgent = (spec: AgentSpec): SimulatedAgent => {
    const agent = makeAgent(ground, spec, agents.length);
    agents.push(agent);
    agent.start();
    return agent;
  };
  const find = (name: string): SimulatedAgent => {
    const found = agents.find((agent) => agent.hostname === name || agent.id() === name);
    if (!found) throw new Error(`no simulated agent ${name}`);
    return found;
  };
  for (const spec of options.agents) addAgent(spec);
  return {
    masters,
    agents,
    faults,
    leader() {
      const found = masters.find((master) => master.state() !== undefined);
      if (!found) throw new Error('no simulated master leads');
      return found;
    },
    agent: find,
    addAgent,
    partition: (name) => void faults.partitioned.add(find(name).id() ?? ''),
    heal: (name) => void faults.partitioned.delete(find(name).id() ?? ''),
    failOver: () => failOver(masters),
    retire: async () => void (await Promise.all(agents.map((agent) => agent.retire()))),
    async stop() {
      await Promise.all(agents.map((agent) => agent.stop()));
      await Promise.all([processes.close(), builtIns.close()]);
      await Promise.all(masters.map((master) => master.kill()));
    },
  };
};
