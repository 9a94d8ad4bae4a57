/** How a simulated agent finds its master, registers, and hears it. */
import type { Cancel } from '../../../common/ports/clock.js';
import type { AgentCapabilityType, FrameworkInfo, Task } from '../../protocol/messages.js';
import type { AgentIntroduction, AgentMessage, Link, MasterMessage } from '../link.js';
import { agentInfo } from './parts.js';
import type { AgentParts } from './parts.js';
import type { FrameworkRecord, TaskRecord } from './records.js';

const LONGEST_BACKOFF_MS = 60_000;

const VERSION = '1.12.0';
const CAPABILITIES: readonly AgentCapabilityType[] = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
];

const introduction = (parts: AgentParts): AgentIntroduction => {
  const { options, state } = parts;
  return {
    agent: agentInfo(parts),
    pid: `slave(1)@${options.ip}:${options.port}`,
    version: VERSION,
    capabilities: CAPABILITIES,
    checkpointed: state.checkpointed,
  };
};

const describeTask = (parts: AgentParts, framework: FrameworkRecord, { info, state }: TaskRecord): Task => {
  const { name, taskId, resources, limits, executor, labels, discovery, container, healthCheck, killPolicy } =
    info;
  const [head] = framework.streams.get(taskId.value)?.queue ?? [];
  return {
    name,
    taskId,
    frameworkId: { value: framework.id },
    agentId: { value: parts.state.id ?? '' },
    state,
    resources,
    limits,
    statuses: [],
    ...(executor && { executorId: executor.executorId }),
    ...(head && { statusUpdateState: head.state }),
    ...(head?.uuid && { statusUpdateUuid: head.uuid }),
    ...(labels && { labels }),
    ...(discovery && { discovery }),
    ...(container && { container }),
    ...(healthCheck && { healthCheck }),
    ...(killPolicy && { killPolicy }),
  };
};

const reregistration = (parts: AgentParts): AgentMessage => {
  const frameworks = [...parts.state.frameworks.values()].filter(({ terminating }) => !terminating);
  const executors = frameworks.flatMap((framework) =>
    [...framework.executors.values()].map((executor) => ({ framework, executor })),
  );
  return {
    kind: 'reregister',
    introduction: introduction(parts),
    tasks: executors.flatMap(({ framework, executor }) =>
      [...executor.tasks.values()].map((task) => describeTask(parts, framework, task)),
    ),
    executors: executors
      .filter(({ executor }) => !executor.ofCommandTask && executor.phase !== 'terminated')
      .map(({ framework, executor }) => ({ frameworkId: framework.id, info: executor.info })),
    frameworks: frameworks.map(({ info }): FrameworkInfo => info),
  };
};

export interface MasterLink {
  /** looks for a master until one has taken the agent */
  look(): void;
  /** says it again on the connection that there is */
  registerAgain(): void;
  /** the master was heard */
  heard(): void;
  send(message: AgentMessage): void;
  /** the connection ends, and nothing looks for another */
  drop(): void;
}

export interface MasterLinkOptions {
  readonly parts: () => AgentParts;
  hear(message: MasterMessage): void;
}

/** Waits of a random part of a limit that doubles with each failure. */
const createBackoff = (parts: () => AgentParts): { next(): number; reset(): void } => {
  let failures = 0;
  return {
    next() {
      const { options, times } = parts();
      const limit = Math.min(times.registrationBackoff * 2 ** failures, LONGEST_BACKOFF_MS);
      failures += 1;
      return options.random.fraction() * limit;
    },
    reset: () => void (failures = 0),
  };
};

export const createMasterLink = ({ parts, hear }: MasterLinkOptions): MasterLink => {
  const backoff = createBackoff(parts);
  let link: Link<AgentMessage> | undefined;
  let cancelRetry: Cancel = () => undefined;
  let cancelWatch: Cancel = () => undefined;

  const detach = (): void => {
    cancelRetry();
    cancelWatch();
    const old = link;
    link = undefined;
    old?.close();
    if (parts().state.phase === 'registered') parts().state.phase = 'detached';
    parts().updates.pause(parts().state.frameworks.values());
  };

  const connect = (): Link<AgentMessage> | undefined => {
    for (const door of parts().options.masters) {
      const own: { link?: Link<AgentMessage> } = {};
      const end = {
        deliver(message: MasterMessage) {
          if (link !== undefined && link === own.link) hear(message);
        },
        closed() {
          if (link !== undefined && link === own.link) look();
        },
      };
      const made = door.connect(end);
      if (made === undefined) continue;
      own.link = made;
      return made;
    }
    return undefined;
  };

  const watch = (): void => {
    cancelWatch();
    cancelWatch = parts().options.clock.after(parts().times.pingTimeout, look);
  };

  /** again and again until it is answered: what was said may have been lost */
  const register = (): void => {
    const { state, options } = parts();
    link ??= connect();
    link?.send(
      state.id === undefined
        ? { kind: 'register', introduction: introduction(parts()) }
        : reregistration(parts()),
    );
    cancelRetry = options.clock.after(Math.max(backoff.next(), 1), register);
  };

  function look(): void {
    detach();
    cancelRetry = parts().options.clock.after(backoff.next(), () => {
      watch();
      register();
    });
  }

  return {
    look() {
      backoff.reset();
      look();
    },
    registerAgain() {
      if (parts().state.phase === 'registered') parts().state.phase = 'detached';
      cancelRetry();
      backoff.reset();
      register();
    },
    heard() {
      if (parts().state.phase === 'registered') {
        cancelRetry();
        backoff.reset();
      }
      watch();
    },
    send: (message) => link?.send(message),
    drop: detach,
  };
};
