/** What a master checks of a task that is to be launched, in its order and in the words of Mesos (mesos-v1.md §12). */
import type { Amount } from '../../core/amounts.js';
import { toMilli } from '../../core/amounts.js';
import type { Entry, Resources } from '../../core/resources.js';
import {
  add,
  contains,
  invalidText,
  NO_RESOURCES,
  readResources,
  resourcesText,
  scalarOf,
} from '../../core/resources.js';
import type { Resource, TaskInfo } from '../../protocol/messages.js';
import { executorProblem } from './executor-validation.js';
import { idProblem } from './roles.js';
import type { Agent, Framework } from './state.js';
import { executorOn } from './tasks.js';

export interface LaunchContext {
  readonly framework: Framework;
  readonly agent: Agent;
  /** what is left of the offers */
  readonly remaining: Resources;
}

/** The first resource that is none. */
export const resourceProblem = (resources: readonly Resource[]): string | undefined => {
  const [invalid] = readResources(resources).invalid;
  return invalid && invalidText(invalid);
};

const idsProblem = (
  { taskId, agentId }: TaskInfo,
  { framework, agent }: LaunchContext,
): string | undefined => {
  const id = taskId.value;
  const problem = idProblem(id);
  if (problem !== undefined) return problem;
  if (framework.tasks.has(id)) return `Task has duplicate ID: ${id}`;
  if (framework.unreachableTasks.has(id)) return `Task reuses the ID of an unreachable task: ${id}`;
  return agentId.value === agent.id
    ? undefined
    : `Task uses invalid agent ${agentId.value} while agent ${agent.id} is expected`;
};

const timesProblem = ({ killPolicy, maxCompletionTime }: TaskInfo): string | undefined => {
  if ((killPolicy?.gracePeriod?.nanoseconds ?? 0n) < 0n)
    return "Task's 'kill_policy.grace_period' must be non-negative";
  return (maxCompletionTime?.nanoseconds ?? 0n) < 0n
    ? "Task's 'max_completion_time' must be non-negative"
    : undefined;
};

interface Check {
  readonly type?: 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';
  readonly command?: unknown;
  readonly http?: unknown;
  readonly tcp?: unknown;
  readonly delaySeconds?: number;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
}

const CHECK_FIELDS = { COMMAND: 'command', HTTP: 'http', TCP: 'tcp' } as const;

const checkProblem = (check: Check | undefined, name: string): string | undefined => {
  if (check === undefined) return undefined;
  const { type = 'UNKNOWN' } = check;
  if (type === 'UNKNOWN') return `'${type}' is not a valid ${name} type`;
  const field = CHECK_FIELDS[type];
  if (check[field] === undefined) return `Expecting '${field}' to be set for ${type} ${name}`;
  const negative = (['delaySeconds', 'intervalSeconds', 'timeoutSeconds'] as const).find(
    (key) => (check[key] ?? 0) < 0,
  );
  return negative && `Expecting '${negative.replace(/S/, '_s')}' to be non-negative`;
};

const checksProblem = ({ check, healthCheck }: TaskInfo): string | undefined => {
  const problem = checkProblem(check, 'check');
  if (problem !== undefined) return `Task uses invalid check: ${problem}`;
  const unhealthy = checkProblem(healthCheck, 'health check');
  return unhealthy && `Task uses invalid health check: ${unhealthy}`;
};

const mixtureProblem = (entries: readonly Entry[]): string | undefined => {
  const revocable = new Set(entries.filter(({ of }) => of.revocable).map(({ of }) => of.name));
  const mixed = entries.find(({ of }) => !of.revocable && revocable.has(of.name));
  if (mixed !== undefined)
    return `Cannot use both revocable and non-revocable '${mixed.of.name}' at the same time`;
  const [first, ...others] = new Set(entries.map(({ of }) => of.allocationRole));
  return others.length === 0
    ? undefined
    : `The resources have multiple allocation roles ('${others[0]}' and '${first}') but only one allocation role is allowed`;
};

const resourcesProblem = (task: TaskInfo, resources: Resources): string | undefined =>
  task.resources.length === 0 ? 'Task uses no resources' : mixtureProblem([...resources.values()]);

const containerProblem = ({ container }: TaskInfo): string | undefined =>
  container?.type === 'DOCKER' && container.docker === undefined
    ? "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"
    : undefined;

const LIMITED = { cpus: 'cpu', mem: 'memory' } as const;

const limitsProblem = ({ limits }: TaskInfo, resources: Resources): string | undefined => {
  if (Object.keys(limits).some((name) => !(name in LIMITED)))
    return "Only cpus and mem may be included in a task's resource limits";
  for (const [name, word] of Object.entries(LIMITED)) {
    const limit = limits[name]?.value;
    if (limit !== undefined && limit !== Infinity && toMilli(limit) < scalarOf(resources, name))
      return `The ${word} limit must be greater than or equal to the ${word} request`;
  }
  return undefined;
};

const own = ({ executor }: TaskInfo, { framework, agent }: LaunchContext): string | undefined => {
  if (executor === undefined) return undefined;
  if ((executor.type ?? 'CUSTOM') !== 'CUSTOM') return "'ExecutorInfo.type' must be 'CUSTOM'";
  return executorProblem(executor, framework, agent.id);
};

const overlaps = (left: Amount, right: Amount): boolean => {
  if (left.type === 'RANGES' && right.type === 'RANGES')
    return left.ranges.some((a) => right.ranges.some((b) => a.begin <= b.end && b.begin <= a.end));
  return left.type === 'SET' && right.type === 'SET' && left.items.some((item) => right.items.includes(item));
};

const doubleText = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** As Mesos writes a resource in a message: JSON with its keys in order. */
const resourceJson = (resource: Resource): string => {
  const { name, type, scalar, ranges, set, allocationInfo, reservations } = resource;
  const reserved = reservations.length > 0 ? [`"reservations":${JSON.stringify(reservations)}`] : [];
  const range = ranges?.range.map(({ begin, end }) => `{"begin":${begin},"end":${end}}`);
  const parts = [
    ...(allocationInfo ? [`"allocation_info":${JSON.stringify(allocationInfo)}`] : []),
    `"name":"${name}"`,
    ...(range ? [`"ranges":{"range":[${range.join(',')}]}`] : []),
    ...reserved,
    ...(scalar ? [`"scalar":{"value":${doubleText(scalar.value)}}`] : []),
    ...(set ? [`"set":${JSON.stringify(set)}`] : []),
    `"type":"${type}"`,
  ];
  return `{${parts.join(',')}}`;
};

const listJson = (resources: readonly Resource[]): string => `[${resources.map(resourceJson).join(',')}]`;

const overlapProblem = ({ resources, executor }: TaskInfo): string | undefined => {
  if (executor === undefined) return undefined;
  const theirs = [...readResources(executor.resources).resources.values()];
  const overlapping = [...readResources(resources).resources.values()].some(({ of, amount }) =>
    theirs.some((other) => other.of.name === of.name && overlaps(amount, other.amount)),
  );
  return overlapping
    ? `There are overlapping resources in the task resources ${listJson(resources)} and executor resources ${listJson(executor.resources)}`
    : undefined;
};

/** What a launch takes: the executor only with the first task that makes it. */
export const neededBy = (
  task: TaskInfo,
  { framework, agent }: LaunchContext,
): { task: Resources; executor: Resources } => {
  const { executor } = task;
  const lives = executor && executorOn(framework, agent.id, executor.executorId.value) !== undefined;
  return {
    task: readResources(task.resources).resources,
    executor: executor && !lives ? readResources(executor.resources).resources : NO_RESOURCES,
  };
};

const amountProblem = (task: TaskInfo, context: LaunchContext): string | undefined => {
  const needed = neededBy(task, context);
  const total = add(needed.task, needed.executor);
  return contains(context.remaining, total)
    ? undefined
    : `Total resources ${resourcesText(total)} required by task and its executor is more than available ${resourcesText(context.remaining)}`;
};

/** Of what a task says of itself, without its executor. */
export const ownTaskProblem = (task: TaskInfo, context: LaunchContext): string | undefined => {
  const { resources } = readResources(task.resources);
  return (
    idsProblem(task, context) ??
    timesProblem(task) ??
    checksProblem(task) ??
    resourcesProblem(task, resources) ??
    containerProblem(task) ??
    limitsProblem(task, resources)
  );
};

/** Of a task of LAUNCH, normalised; the syntax of its resources was checked before. */
export const taskProblem = (task: TaskInfo, context: LaunchContext): string | undefined => {
  const problem = ownTaskProblem(task, context);
  if (problem !== undefined) return problem;
  if ((task.executor === undefined) === (task.command === undefined))
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  return own(task, context) ?? overlapProblem(task) ?? amountProblem(task, context);
};
