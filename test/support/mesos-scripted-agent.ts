/** An agent that says to its master what a recording has it say, and remembers what it is told. */
import type {
  AgentInfo,
  Attribute,
  DomainInfo,
  Resource,
  Task,
  TaskInfo,
  TaskStatus,
} from '../../mesos-bridge/protocol/messages.js';
import type {
  AgentIntroduction,
  AgentMessage,
  Link,
  LiveExecutor,
  MasterDoor,
  MasterMessage,
} from '../../mesos-bridge/simulator/link.js';

const range = (text: string) => {
  const [begin = '0', end = begin] = text.split('-');
  return { begin: BigInt(begin), end: BigInt(end) };
};

const isNumber = (text: string): boolean => /^\d+(\.\d+)?$/.test(text);

/** `cpus:4;ports:[31000-31999]`, as the flag has it */
export const parseResources = (text: string): Resource[] =>
  text.split(';').map((part) => {
    const [name = '', value = ''] = part.split(':');
    return value.startsWith('[')
      ? {
          name,
          type: 'RANGES',
          ranges: { range: value.slice(1, -1).split(',').map(range) },
          reservations: [],
        }
      : { name, type: 'SCALAR', scalar: { value: Number(value) }, reservations: [] };
  });

/** `rack:r1;level:10;ports2:[1-5,8-9]`, as the flag has it */
export const parseAttributes = (text: string): Attribute[] =>
  text.split(';').map((part) => {
    const [name = '', value = ''] = part.split(':');
    if (value.startsWith('['))
      return { name, type: 'RANGES', ranges: { range: value.slice(1, -1).split(',').map(range) } };
    return isNumber(value)
      ? { name, type: 'SCALAR', scalar: { value: Number(value) } }
      : { name, type: 'TEXT', text: { value } };
  });

export interface AgentFlags {
  readonly port: number;
  readonly resources: string;
  readonly attributes?: string;
  readonly domain?: DomainInfo;
}

const CAPABILITIES = [
  'MULTI_ROLE',
  'HIERARCHICAL_ROLE',
  'RESERVATION_REFINEMENT',
  'RESOURCE_PROVIDER',
  'RESIZE_VOLUME',
  'AGENT_OPERATION_FEEDBACK',
  'AGENT_DRAINING',
  'TASK_RESOURCE_LIMITS',
] as const;

interface KnownTask {
  readonly info: TaskInfo;
  readonly frameworkId: string;
  latest: Task['state'];
  head: TaskStatus | undefined;
  readonly statuses: TaskStatus[];
}

export const createScriptedAgent = (flags: AgentFlags) => {
  const info: AgentInfo = {
    hostname: '127.0.0.1',
    port: flags.port,
    resources: parseResources(flags.resources),
    attributes: flags.attributes === undefined ? [] : parseAttributes(flags.attributes),
    ...(flags.domain && { domain: flags.domain }),
  };
  const told: MasterMessage[] = [];
  const tasks = new Map<string, KnownTask>();
  const executors = new Map<string, LiveExecutor>();
  const frameworks = new Map<
    string,
    Extract<MasterMessage, { kind: 'run-task' }>['placement']['framework']
  >();
  let id: string | undefined;
  let link: Link<AgentMessage> | undefined;
  /** its process does not run, though its connection is open */
  let stopped = false;

  const introduction = (): AgentIntroduction => ({
    agent: { ...info, ...(id !== undefined && { id: { value: id } }) },
    pid: `slave(1)@127.0.0.1:${flags.port}`,
    version: '1.12.0',
    capabilities: CAPABILITIES,
    checkpointed: [],
  });

  const run = (message: Extract<MasterMessage, { kind: 'run-task' | 'run-group' }>): void => {
    const { framework, executor } = message.placement;
    const frameworkId = framework.id?.value ?? '';
    frameworks.set(frameworkId, framework);
    if (executor)
      executors.set(`${frameworkId} ${executor.executorId.value}`, { frameworkId, info: executor });
    for (const task of message.kind === 'run-task' ? [message.task] : message.group.tasks)
      tasks.set(task.taskId.value, {
        info: task,
        frameworkId,
        latest: 'TASK_STAGING',
        head: undefined,
        statuses: [],
      });
  };

  const hear = (message: MasterMessage): void => {
    told.push(message);
    if (message.kind === 'registered' || message.kind === 'reregistered') id = message.agentId;
    if (message.kind === 'run-task' || message.kind === 'run-group') run(message);
    if (message.kind === 'ping') link?.send({ kind: 'pong' });
    if (message.kind === 'acknowledge') {
      const task = tasks.get(message.taskId);
      if (task?.head && /FINISHED|FAILED|KILLED|GONE|DROPPED/.test(task.head.state))
        tasks.delete(message.taskId);
      else if (task) task.head = undefined;
    }
  };

  const connect = (door: MasterDoor): void => {
    link?.close();
    link = door.connect({
      deliver: (message) => {
        if (!stopped) hear(message);
      },
      closed: () => (link = undefined),
    });
  };

  const taskMessages = (): Task[] =>
    [...tasks.values()].map(({ info: task, frameworkId, latest, head, statuses }) => ({
      name: task.name,
      taskId: task.taskId,
      frameworkId: { value: frameworkId },
      agentId: { value: id ?? '' },
      ...(task.executor && { executorId: task.executor.executorId }),
      state: latest,
      resources: task.resources,
      statuses,
      limits: {},
      ...(head && { statusUpdateState: head.state }),
      ...(head?.uuid && { statusUpdateUuid: head.uuid }),
    }));

  return {
    told,
    port: flags.port,
    id: () => id,
    register(door: MasterDoor): void {
      connect(door);
      link?.send({ kind: 'register', introduction: introduction() });
    },
    reregister(door: MasterDoor): void {
      stopped = false;
      connect(door);
      link?.send({
        kind: 'reregister',
        introduction: introduction(),
        tasks: taskMessages(),
        executors: [...executors.values()],
        frameworks: [...frameworks.values()],
      });
    },
    send(message: AgentMessage): void {
      if (message.kind === 'status-update') {
        const task = tasks.get(message.status.taskId.value);
        if (task) {
          [task.latest, task.head] = [message.latestState ?? message.status.state, message.status];
          task.statuses.push(message.status);
        }
      }
      if (message.kind === 'exited-executor')
        executors.delete(`${message.frameworkId} ${message.executorId}`);
      link?.send(message);
    },
    stop: () => void (stopped = true),
    resume: () => void (stopped = false),
    forget: (taskId: string) => void tasks.delete(taskId),
    /** its process dies; what it runs lives on unless its framework does not checkpoint */
    crash(): void {
      link?.close();
      link = undefined;
      for (const [taskId, { frameworkId }] of tasks)
        if (frameworks.get(frameworkId)?.checkpoint !== true) tasks.delete(taskId);
      for (const [key, { frameworkId }] of executors)
        if (frameworks.get(frameworkId)?.checkpoint !== true) executors.delete(key);
    },
    /** a task ended, unseen by anybody but the agent */
    endUnseen: (taskId: string, state: Task['state']): void => {
      const task = tasks.get(taskId);
      if (task) task.latest = state;
    },
    lose(): void {
      this.crash();
      id = undefined;
      tasks.clear();
      executors.clear();
    },
  };
};

export type ScriptedAgent = ReturnType<typeof createScriptedAgent>;
