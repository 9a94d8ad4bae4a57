/** What a master checks of an ExecutorInfo, in the words of Mesos (mesos-v1.md §12). */
import type { Resources } from '../../core/resources.js';
import { isSame, readResources, scalarOf } from '../../core/resources.js';
import { fromMilli } from '../../core/amounts.js';
import type { ExecutorInfo } from '../../protocol/messages.js';
import { idProblem } from './roles.js';
import type { Framework } from './state.js';
import { executorOn } from './tasks.js';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** One text for equal values, whatever the order of keys; of lists the order counts. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (part instanceof Uint8Array) return [...part];
    if (!isFields(part) || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });

/** Order of resources and of variables does not count; neither does a default that is written out. */
const comparable = ({ resources: _resources, command, ...rest }: ExecutorInfo): string =>
  canonical({
    ...rest,
    command: command && {
      ...command,
      shell: command.shell ?? true,
      environment: command.environment?.variables
        .map(({ type, ...variable }) => canonical({ ...variable, type: type ?? 'VALUE' }))
        .toSorted(),
      uris: command.uris.map((uri) => ({ ...uri, extract: uri.extract ?? true })),
    },
  });

const isCompatible = (left: ExecutorInfo, right: ExecutorInfo): boolean =>
  comparable(left) === comparable(right) &&
  isSame(readResources(left.resources).resources, readResources(right.resources).resources);

const RULE = '-'.repeat(60);

const incompatibleText = (existing: ExecutorInfo, executor: ExecutorInfo): string =>
  [
    'ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.',
    RULE,
    `Existing ExecutorInfo:\n${canonical(existing)}`,
    RULE,
    `ExecutorInfo:\n${canonical(executor)}`,
    RULE,
    '',
  ].join('\n');

const frameworkProblem = (executor: ExecutorInfo, framework: Framework): string | undefined => {
  if (executor.frameworkId === undefined) return "'ExecutorInfo.framework_id' must be set";
  return executor.frameworkId.value === framework.id
    ? undefined
    : `ExecutorInfo has an invalid FrameworkID (Actual: ${executor.frameworkId.value} vs Expected: ${framework.id})`;
};

const compatibilityProblem = (
  executor: ExecutorInfo,
  framework: Framework,
  agentId: string,
): string | undefined => {
  const existing = executorOn(framework, agentId, executor.executorId.value)?.info;
  return existing === undefined || isCompatible(existing, executor)
    ? undefined
    : incompatibleText(existing, executor);
};

/** Of executors of every kind. */
export const executorProblem = (
  executor: ExecutorInfo,
  framework: Framework,
  agentId: string,
): string | undefined => {
  if (executor.type !== 'DEFAULT' && executor.command === undefined)
    return "'ExecutorInfo.command' must be set";
  if (executor.type === 'DEFAULT' && executor.command !== undefined)
    return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor";
  if ((executor.shutdownGracePeriod?.nanoseconds ?? 0n) < 0n)
    return "ExecutorInfo's 'shutdown_grace_period' must be non-negative";
  return (
    idProblem(executor.executorId.value) ??
    frameworkProblem(executor, framework) ??
    compatibilityProblem(executor, framework, agentId)
  );
};

const LEAST_CPUS = 10;
const LEAST_MEM = 32_000;

/** Of the executor of a task group, which must be large enough. */
export const groupExecutorProblem = (executor: ExecutorInfo, resources: Resources): string | undefined => {
  if ((executor.type ?? 'UNKNOWN') === 'UNKNOWN') return "'ExecutorInfo.type' must be set";
  if (executor.container?.type === 'DOCKER') return 'Docker ContainerInfo is not supported on the executor';
  const id = executor.executorId.value;
  const [cpus, mem] = [scalarOf(resources, 'cpus'), scalarOf(resources, 'mem')];
  if (cpus < LEAST_CPUS)
    return `Executor '${id}' uses less CPUs (${fromMilli(cpus)}) than the minimum required (${fromMilli(LEAST_CPUS)})`;
  if (mem < LEAST_MEM)
    return `Executor '${id}' uses less memory (${fromMilli(mem)}MB) than the minimum required (${fromMilli(LEAST_MEM)}MB)`;
  return scalarOf(resources, 'disk') === 0 ? `Executor '${id}' uses no disk` : undefined;
};
