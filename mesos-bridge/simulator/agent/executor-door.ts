/** What executors ask of a simulated agent, whichever way it reaches it. */
import type { Cancel } from '../../../common/ports/clock.js';
import type { ExecutorCall, TaskInfo, TaskStatus } from '../../protocol/messages.js';
import { shutdownExecutor } from './executor-life.js';
import { agentInfo, executorOf } from './parts.js';
import type { AgentParts } from './parts.js';
import { isTerminal } from '../../core/task-status.js';
import { orLost } from './records.js';
import type { ExecutorRecord, ExecutorStream, FrameworkRecord } from './records.js';
import { sayOf, takeFromExecutor } from './statuses.js';
import { deliverQueued } from './work.js';

/** HTTP's status and text; 202 has none. `stream`: the caller opens one and hands it to `subscribe`. */
export type Answer = { readonly status: number; readonly text: string } | 'accepted' | Subscribing;

export interface Subscribing {
  /** what was said before it, and a heartbeat from time to time, until `cancel` */
  subscribe(stream: ExecutorStream): Cancel;
}

/** Which executor a token was given to. */
export interface Claims {
  readonly frameworkId: string;
  readonly executorId: string;
}

export interface ExecutorDoor {
  /** undefined: no executor of this agent has such a token */
  claimsOf(token: string): Claims | undefined;
  /** its process does not know its containers yet: nobody is answered */
  isRecovering(): boolean;
  /** `claims`: absent where the caller needs none, being part of this process */
  call(call: ExecutorCall, claims?: Claims): Answer;
}

const refused = (status: number, text: string): Answer => ({ status, text });

const acknowledge = (executor: ExecutorRecord, { taskId, uuid }: TaskStatus): void => {
  if (uuid) executor.stream?.send({ type: 'ACKNOWLEDGED', acknowledged: { taskId, uuid } });
};

interface Caller {
  readonly framework: FrameworkRecord;
  readonly executor: ExecutorRecord;
}

const takeUpdate = (parts: AgentParts, { framework, executor }: Caller, status: TaskStatus): void => {
  const known = executor.tasks.has(status.taskId.value);
  takeFromExecutor(parts, framework, executor, status);
  // as soon as the agent has it, not when the framework has; of a task that nobody gave it Mesos says nothing
  if (known) acknowledge(executor, status);
};

/** Handed over and never spoken of again: lost on the way to an executor while the agent was away. */
const dropUndelivered = (
  parts: AgentParts,
  { framework, executor }: Caller,
  known: readonly TaskInfo[],
): void => {
  const has = new Set(known.map(({ taskId }) => taskId.value));
  for (const [taskId, task] of executor.tasks) {
    if (task.stage !== 'launched' || task.state !== 'TASK_STAGING' || has.has(taskId)) continue;
    sayOf(parts, framework, taskId, {
      state: orLost('TASK_DROPPED', framework.info),
      reason: 'REASON_AGENT_RESTARTED',
      message: 'Task launched during agent restart',
      executor,
    });
  }
};

const isUseless = ({ everSent, queue, tasks }: ExecutorRecord): boolean =>
  !everSent && queue.length === 0 && [...tasks.values()].every(({ state }) => isTerminal(state));

const subscribed = (parts: AgentParts, { framework, executor }: Caller): void =>
  executor.stream?.send({
    type: 'SUBSCRIBED',
    subscribed: {
      executorInfo: executor.info,
      frameworkInfo: framework.info,
      agentInfo: agentInfo(parts),
      containerId: { value: executor.containerId },
    },
  });

const subscribe = (parts: AgentParts, caller: Caller, call: ExecutorCall): Subscribing => ({
  subscribe(stream) {
    const { framework, executor } = caller;
    executor.stream?.end();
    executor.stream = stream;
    const cancel = (): void => {
      stopHeartbeat();
      if (executor.stream === stream) delete executor.stream;
    };
    const stopHeartbeat = parts.options.clock.every(parts.times.executorHeartbeat, () =>
      stream.send({ type: 'HEARTBEAT' }),
    );
    if (framework.terminating || executor.phase === 'terminating') {
      stream.send({ type: 'SHUTDOWN' });
      stream.end();
      return cancel;
    }
    executor.cancelTimer?.();
    delete executor.cancelTimer;
    executor.phase = 'running';
    for (const { status } of call.subscribe?.unacknowledgedUpdates ?? []) takeUpdate(parts, caller, status);
    dropUndelivered(parts, caller, call.subscribe?.unacknowledgedTasks ?? []);
    if (isUseless(executor)) {
      shutdownExecutor(parts, executor);
      return cancel;
    }
    subscribed(parts, caller);
    deliverQueued(executor);
    return cancel;
  },
});

const answerKnown = (parts: AgentParts, caller: Caller, call: ExecutorCall): Answer => {
  const { executor } = caller;
  if (call.type === 'SUBSCRIBE') return subscribe(parts, caller, call);
  if (executor.phase === 'registering') return refused(403, 'Executor is not subscribed');
  if (call.type === 'UPDATE' && call.update) {
    takeUpdate(parts, caller, call.update.status);
    return 'accepted';
  }
  if (call.type === 'MESSAGE' && call.message) {
    const { data } = call.message;
    parts.tell({
      kind: 'executor-message',
      frameworkId: executor.frameworkId,
      executorId: executor.id,
      data,
    });
    return 'accepted';
  }
  return refused(501, 'Unknown call');
};

export const createExecutorDoor = (parts: AgentParts): ExecutorDoor => ({
  claimsOf(token) {
    for (const { executors } of parts.state.frameworks.values())
      for (const { token: own, frameworkId, id: executorId } of executors.values())
        if (own === token) return { frameworkId, executorId };
    return undefined;
  },
  isRecovering: () => parts.state.phase === 'recovering' || parts.state.phase === 'down',
  call(call, claims) {
    if (call.type === 'HEARTBEAT') return 'accepted';
    const { phase, frameworks } = parts.state;
    if (phase === 'reconnecting' && call.type !== 'SUBSCRIBE')
      return refused(503, 'Agent has not finished recovery');
    const framework = frameworks.get(call.frameworkId.value);
    if (!framework) return refused(400, 'Framework cannot be found');
    const executor = executorOf(parts, framework.id, call.executorId.value);
    if (!executor || executor.phase === 'terminated') return refused(400, 'Executor cannot be found');
    if (claims && (claims.frameworkId !== framework.id || claims.executorId !== executor.id))
      return refused(403, 'The token was given to another executor');
    return answerKnown(parts, { framework, executor }, call);
  },
});
