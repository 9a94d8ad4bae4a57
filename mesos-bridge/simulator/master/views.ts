/** What operators are shown (mesos-v1.md §16). */
import type { Resources } from '../../core/resources.js';
import { sum } from '../../core/resources.js';
import type {
  AgentView,
  Draft,
  DrainInfo,
  FrameworkView,
  GetAgents,
  GetExecutors,
  GetFrameworks,
  GetState,
  GetTasks,
  Operation,
  TimeInfo,
} from '../../protocol/messages.js';
import { resourceMessages } from '../resource-messages.js';
import { inverseMessage } from './inverse-offers.js';
import { nanosecondsOf } from './ids.js';
import type { Agent, AgentDrain, Framework, Master, MasterTask } from './state.js';
import { isOffering } from './allocator.js';
import { taskView } from './tasks.js';

const time = (ms: number): Draft<TimeInfo> => ({ nanoseconds: nanosecondsOf(ms) });

/** Operators read resources in the form from before refinement. */
const shown = (resources: Resources) => resourceMessages(resources, 'coarse');

const heldBy = (
  tasks: Iterable<MasterTask>,
  executors: Iterable<{ readonly resources: Resources }>,
): Resources =>
  sum([
    ...[...tasks].filter(({ charged }) => charged).map(({ resources }) => resources),
    ...[...executors].map(({ resources }) => resources),
  ]);

const offered = (offers: Iterable<{ readonly resources: Resources }>): Resources =>
  sum([...offers].map(({ resources }) => resources));

const drainInfo = ({ progress, maxGraceNanoseconds, markGone }: AgentDrain): Draft<DrainInfo> => ({
  state: progress,
  config: {
    ...(maxGraceNanoseconds !== undefined && { maxGracePeriod: { nanoseconds: maxGraceNanoseconds } }),
    markGone,
  },
});

export const agentView = (agent: Agent): Draft<AgentView> => ({
  agentInfo: agent.info,
  active: isOffering(agent),
  deactivated: agent.deactivated,
  version: agent.introduction.version,
  pid: agent.introduction.pid,
  registeredTime: time(agent.registeredAtMs),
  ...(agent.reregisteredAtMs !== undefined && { reregisteredTime: time(agent.reregisteredAtMs) }),
  totalResources: shown(agent.total),
  allocatedResources: shown(heldBy(agent.tasks.values(), agent.executors.values())),
  offeredResources: shown(offered(agent.offers)),
  capabilities: agent.introduction.capabilities.map((type) => ({ type })),
  ...(agent.drain && {
    drainInfo: drainInfo(agent.drain),
    estimatedDrainStartTime: time(Math.floor(agent.drain.startedAtMs / 1000) * 1000),
  }),
});

const executorsOf = (framework: Framework) =>
  [...framework.executors.values()].flatMap((executors) => [...executors.values()]);

/** As events carry it: with all its times, without its constraints. */
export const frameworkView = (framework: Framework): Draft<FrameworkView> => ({
  frameworkInfo: framework.info,
  active: framework.state === 'connected',
  connected: framework.state === 'connected',
  recovered: framework.state === 'recovered',
  ...(framework.registeredAtMs !== undefined && { registeredTime: time(framework.registeredAtMs) }),
  ...(framework.reregisteredAtMs !== undefined && { reregisteredTime: time(framework.reregisteredAtMs) }),
  unregisteredTime: time(framework.unregisteredAtMs ?? 0),
  offers: [...framework.offers].map(({ message }) => message),
  inverseOffers: [...framework.inverseOffers].map(inverseMessage),
  allocatedResources: shown(heldBy(framework.tasks.values(), executorsOf(framework))),
  offeredResources: shown(offered(framework.offers)),
});

const listedView = (framework: Framework): Draft<FrameworkView> => {
  const { unregisteredTime, ...view } = frameworkView(framework);
  return {
    ...view,
    ...(framework.unregisteredAtMs !== undefined && unregisteredTime && { unregisteredTime }),
    offerConstraints: framework.wantedConstraints ?? {},
  };
};

export const getAgents = (m: Master): Draft<GetAgents> => ({
  agents: [...m.agents.values()].map(agentView),
  recoveredAgents: [...m.recovered.values()].map(({ info }) => info),
});

export const getFrameworks = (m: Master): Draft<GetFrameworks> => ({
  frameworks: [...m.frameworks.values()].map(listedView),
  completedFrameworks: [...m.completed.values()].map(listedView),
});

const everyFramework = (m: Master): Framework[] => [...m.frameworks.values(), ...m.completed.values()];

export const getTasks = (m: Master): Draft<GetTasks> => ({
  tasks: everyFramework(m).flatMap(({ tasks }) => [...tasks.values()].map(taskView)),
  unreachableTasks: everyFramework(m).flatMap(({ unreachableTasks }) =>
    [...unreachableTasks.values()].map(taskView),
  ),
  completedTasks: everyFramework(m).flatMap(({ completedTasks }) => completedTasks.map(taskView)),
});

export const getExecutors = (m: Master): Draft<GetExecutors> => ({
  executors: [...m.agents.values()].flatMap((agent) =>
    [...agent.executors.values()].map(({ info }) => ({ executorInfo: info, agentId: { value: agent.id } })),
  ),
});

/** Those that were asked for with an id and whose outcome nobody has acknowledged. */
export const getOperations = (m: Master): Draft<Operation>[] =>
  [...m.frameworks.values()].flatMap((framework) =>
    [...framework.operations.values()].map(({ agentId, operation, uuid, status }) => ({
      frameworkId: { value: framework.id },
      agentId: { value: agentId },
      info: operation,
      latestStatus: status,
      statuses: [status],
      uuid: { value: uuid },
    })),
  );

export const getState = (m: Master): Draft<GetState> => ({
  getTasks: getTasks(m),
  getExecutors: getExecutors(m),
  getFrameworks: getFrameworks(m),
  getAgents: getAgents(m),
});
