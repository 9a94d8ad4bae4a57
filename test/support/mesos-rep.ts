import type { BbsClient } from '../../bbs/index.js';
import type { Work } from '../../common/model/auction.js';
import { ok } from '../../common/model/result.js';
import { decode } from '../../common/wire/codec.js';
import { cellIdOf } from '../../mesos-bridge/core/cell-id.js';
import { parseTaskId } from '../../mesos-bridge/core/task-id.js';
import type { ExecutorEvent, TaskInfo, TaskState, TaskStatus } from '../../mesos-bridge/protocol/messages.js';
import type { ExecutorDoor } from '../../mesos-bridge/simulator/agent/executor-door.js';
import type { ExecutorLauncher, LaunchRequest } from '../../mesos-bridge/simulator/agent/launcher.js';
import { netInfo, presenceLease } from './bbs.js';

/** What a task of a scripted executor is. */
export interface ScriptedTask {
  readonly info: TaskInfo;
  readonly work: Work;
  state: TaskState;
}

/** An executor of which only the API is real: it claims and starts at the BBS as a rep does, and runs nothing. */
export interface ScriptedRep {
  readonly request: LaunchRequest;
  readonly agentId: string;
  readonly tasks: Map<string, ScriptedTask>;
  /** told of each LAUNCH; false: nothing is done about it */
  readonly killed: string[];
  alive: boolean;
  tell(taskId: string, state: TaskState, more?: Partial<TaskStatus>): void;
  /** dies at once, with this status of waitpid */
  exit(status: number): void;
}

export interface RepOptions {
  readonly bbs: BbsClient;
  /** what becomes of a launched task; absent: it is claimed, started and runs */
  onLaunch?(rep: ScriptedRep, task: ScriptedTask): boolean;
}

let uuids = 0;

const statusOf = (taskId: string, state: TaskState, more: Partial<TaskStatus>): TaskStatus => {
  uuids += 1;
  const uuid = Buffer.alloc(16);
  uuid.writeUInt32BE(uuids, 12);
  return { taskId: { value: taskId }, state, source: 'SOURCE_EXECUTOR', uuid, timestamp: 1, ...more };
};

const workOf = (info: TaskInfo): Work => {
  const work = decode('Work', info.data ?? new Uint8Array());
  if (!work.ok) throw new Error(work.error.message);
  return work.value;
};

/** Claimed, and then running, as a rep tells it. */
const runAtBbs = async ({ bbs }: RepOptions, rep: ScriptedRep, { info, work }: ScriptedTask) => {
  const identity = parseTaskId(info.taskId.value);
  const cellId = cellIdOf(rep.agentId);
  const [lrp] = work.lrps;
  if (identity?.kind === 'task') {
    const started = await bbs.startTask(identity.taskGuid, cellId, 't');
    return started.ok && started.value;
  }
  if (identity === undefined || lrp === undefined) throw new Error('no work');
  const { processGuid, index, domain } = lrp;
  const at = {
    key: { processGuid, index, domain },
    instanceKey: { instanceGuid: identity.instanceGuid, cellId },
  };
  const claimed = await bbs.claimActualLrp(at, 't');
  if (!claimed.ok) return false;
  const start = { ...at, netInfo: netInfo(), internalRoutes: [], metricTags: {}, availabilityZone: 'z1' };
  return (await bbs.startActualLrp(start, 't')).ok;
};

/** Launches scripted executors on the agent that this door belongs to. */
export const createRepLauncher = (door: () => ExecutorDoor, options: RepOptions) => {
  const reps: ScriptedRep[] = [];

  const open = (request: LaunchRequest, exit: (status: number) => void): ScriptedRep => {
    const agentId = request.environment['MESOS_SLAVE_ID'] ?? '';
    const call = (more: object) =>
      door().call({
        executorId: { value: request.executorId },
        frameworkId: { value: request.frameworkId },
        ...more,
      });
    const rep: ScriptedRep = {
      request,
      agentId,
      tasks: new Map(),
      killed: [],
      alive: true,
      tell(taskId, state, more = {}) {
        if (!rep.alive) return;
        const task = rep.tasks.get(taskId);
        if (task !== undefined) task.state = state;
        call({ type: 'UPDATE', update: { status: statusOf(taskId, state, more) } });
      },
      exit(status) {
        rep.alive = false;
        exit(status);
      },
    };
    const launch = async (info: TaskInfo): Promise<void> => {
      const task: ScriptedTask = { info, work: workOf(info), state: 'TASK_STAGING' };
      rep.tasks.set(info.taskId.value, task);
      if (options.onLaunch?.(rep, task) === false) return;
      rep.tell(info.taskId.value, 'TASK_STARTING');
      const runs = await runAtBbs(options, rep, task);
      rep.tell(info.taskId.value, runs ? 'TASK_RUNNING' : 'TASK_DROPPED');
    };
    const hear = (event: ExecutorEvent): void => {
      if (event.launch !== undefined) void launch(event.launch.task);
      if (event.kill !== undefined) {
        const id = event.kill.taskId.value;
        rep.killed.push(id);
        rep.tell(id, 'TASK_KILLING');
        rep.tell(id, 'TASK_KILLED');
      }
      if (event.type === 'SHUTDOWN') rep.exit(0);
    };
    void options.bbs.acquireLease({
      ...presenceLease(cellIdOf(agentId), request.executorId),
      ttlMs: 300_000,
    });
    setImmediate(() => {
      const answer = call({
        type: 'SUBSCRIBE',
        subscribe: { unacknowledgedTasks: [], unacknowledgedUpdates: [] },
      });
      if (typeof answer === 'object' && 'subscribe' in answer)
        answer.subscribe({
          send: (event) => rep.alive && hear(event as ExecutorEvent),
          end: () => undefined,
        });
    });
    return rep;
  };

  const launcher: ExecutorLauncher = {
    async launch(request) {
      let exit: (status: number) => void = () => undefined;
      const exited = new Promise<number>((resolve) => (exit = resolve));
      const rep = open(request, exit);
      reps.push(rep);
      return ok({ pid: 1, exited, signal: () => undefined, destroy: () => rep.exit(9) });
    },
  };
  return { launcher, reps };
};
