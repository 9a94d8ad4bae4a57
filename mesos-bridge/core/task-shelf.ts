import type { Resources } from './resources.js';
import type { TaskIdentity } from './task-id.js';
import { guidOf } from './task-id.js';
import type { TaskState } from './task-status.js';
import type { TaskCounts } from './task-tally.js';
import { createTaskTally } from './task-tally.js';

/** A task of ours on Mesos that has not ended. */
export interface MesosTask {
  readonly id: string;
  readonly identity: TaskIdentity;
  readonly agentId: string;
  readonly executorId: string;
  /** of the work that it was launched for; '' for one that was found after a restart */
  readonly placementId: string;
  /** its own, without its executor's; nothing for one that was found after a restart */
  readonly resources: Resources;
  /** 'LAUNCHED': nothing was heard of it yet */
  readonly state: TaskState | 'LAUNCHED';
  /** its executor has said that it starts */
  readonly started: boolean;
  /** we have asked for its end */
  readonly killing: boolean;
}

/** Tasks by their ids, guids, agents and executors. */
export interface TaskShelf {
  put(task: MesosTask): void;
  remove(id: string): void;
  get(id: string): MesosTask | undefined;
  /** by what the BBS calls it: an LRP's instance guid, a task's guid */
  find(guid: string): MesosTask | undefined;
  all(): Iterable<MesosTask>;
  agents(): Iterable<string>;
  onAgent(agentId: string): readonly MesosTask[];
  /** what of it bids tell */
  countsOn(agentId: string): TaskCounts;
  /** those in TASK_UNREACHABLE */
  unreachableOn(agentId: string): readonly MesosTask[];
  /** of that instance: several while one takes the other's place */
  ofSlot(processGuid: string, index: number): readonly MesosTask[];
  /** instances of that process */
  ofProcess(processGuid: string): readonly MesosTask[];
  countOf(executorId: string): number;
  /** whether there are tasks on that agent */
  isUsing(agentId: string): boolean;
  size(): number;
}

const isSame = (one: MesosTask, other: MesosTask): boolean =>
  one.state === other.state &&
  one.started === other.started &&
  one.killing === other.killing &&
  one.agentId === other.agentId &&
  one.executorId === other.executorId;

const into = (index: Map<string, Set<string>>, key: string, id: string): void => {
  const ids = index.get(key);
  if (ids === undefined) index.set(key, new Set([id]));
  else ids.add(id);
};

const outOf = (index: Map<string, Set<string>>, key: string, id: string): void => {
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
};

/** Guids have no blanks. */
const slotKey = (processGuid: string, index: number): string => `${processGuid} ${index}`;

export const createTaskShelf = (onChange: (task: MesosTask) => void): TaskShelf => {
  const tasks = new Map<string, MesosTask>();
  const guids = new Map<string, string>();
  const agents = new Map<string, Set<string>>();
  const executors = new Map<string, Set<string>>();
  const processes = new Map<string, Set<string>>();
  const slots = new Map<string, Set<string>>();
  const tally = createTaskTally();

  const processOf = ({ identity }: MesosTask): string =>
    identity.kind === 'lrp' ? identity.processGuid : '';

  const slotOf = ({ identity }: MesosTask): string =>
    identity.kind === 'lrp' ? slotKey(identity.processGuid, identity.index) : '';

  const listed = (ids: Set<string> | undefined): MesosTask[] =>
    [...(ids ?? [])].flatMap((id) => tasks.get(id) ?? []);

  const remove = (id: string): void => {
    const task = tasks.get(id);
    if (task === undefined) return;
    tasks.delete(id);
    tally.remove(task);
    if (guids.get(guidOf(task.identity)) === id) guids.delete(guidOf(task.identity));
    outOf(agents, task.agentId, id);
    outOf(executors, task.executorId, id);
    outOf(processes, processOf(task), id);
    outOf(slots, slotOf(task), id);
    onChange(task);
  };
  const get = (id: string): MesosTask | undefined => tasks.get(id);
  const onAgent = (agentId: string): MesosTask[] => listed(agents.get(agentId));

  return {
    put(task) {
      const before = tasks.get(task.id);
      if (before !== undefined && isSame(before, task)) return;
      const isMoved =
        before !== undefined && (before.agentId !== task.agentId || before.executorId !== task.executorId);
      if (isMoved) remove(task.id);
      tasks.set(task.id, task);
      tally.put(isMoved ? undefined : before, task);
      guids.set(guidOf(task.identity), task.id);
      if (before !== undefined && !isMoved) return onChange(task);
      into(agents, task.agentId, task.id);
      into(executors, task.executorId, task.id);
      into(processes, processOf(task), task.id);
      into(slots, slotOf(task), task.id);
      onChange(task);
    },
    remove,
    get,
    find: (guid) => tasks.get(guids.get(guid) ?? ''),
    all: () => tasks.values(),
    agents: () => agents.keys(),
    onAgent,
    countsOn: tally.of,
    unreachableOn: (agentId) =>
      tally.unreachable(agentId) === 0
        ? []
        : onAgent(agentId).filter(({ state }) => state === 'TASK_UNREACHABLE'),
    ofSlot: (guid, index) => listed(slots.get(slotKey(guid, index))),
    ofProcess: (guid) => listed(processes.get(guid)),
    isUsing: (agentId) => agents.has(agentId),
    countOf: (executorId) => executors.get(executorId)?.size ?? 0,
    size: () => tasks.size,
  };
};
