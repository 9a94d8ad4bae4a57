import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { cellIdOf } from '../core/cell-id.js';
import type { Meaning } from '../core/meaning.js';
import { guidOf } from '../core/task-id.js';
import type { TaskStatus as Status } from '../core/task-status.js';
import { readStatus } from '../core/task-status.js';
import type { MesosTask } from '../core/task-shelf.js';
import type { TaskBook, Verdict } from '../core/tasks.js';
import type { TaskStatus } from '../protocol/messages.js';
import { acknowledge, kill } from './calls.js';
import type { OutgoingCall } from '../protocol/scheduler/client.js';
import type { Loss, Teller } from './teller.js';

export interface StatusesOptions {
  readonly tasks: Pick<TaskBook, 'find' | 'settled' | 'unsettled'>;
  /** what a status means, and what it changes in the books */
  judge(status: Status, now: number): Verdict;
  readonly teller: Pick<Teller, 'tell'>;
  /** it runs, and this bridge has not launched it: whether anybody wants it is to be asked */
  adopted(task: MesosTask): Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  send(call: OutgoingCall): void;
  /** told of each status before it is judged */
  heard(status: Status): void;
}

export interface Statuses {
  onUpdate(status: TaskStatus): void;
  /** by time alone: no update will come of it */
  lost(task: MesosTask, reason: string): void;
  /** updates that wait for the BBS's answer */
  unacknowledged(): number;
}

/** Of these the BBS is told; the others it hears from the rep, or has no need to. */
const LOSSES: readonly Meaning[] = ['lost', 'crashed', 'failed', 'refused'];

const isLoss = (meaning: Meaning): meaning is Loss['meaning'] => LOSSES.includes(meaning);

const lossOf = (task: MesosTask, meaning: Loss['meaning'], reason: string): Loss => ({
  identity: task.identity,
  cellId: cellIdOf(task.agentId),
  meaning,
  reason,
});

/** Says what status updates mean, and acknowledges each after the BBS has answered durably (design §8.7). */
export const createStatuses = (options: StatusesOptions): Statuses => {
  const { tasks, teller, clock, logger, send } = options;
  let waiting = 0;

  /** A later attempt under the same guid is nothing that this one's end could tell of. */
  const isLatest = ({ id, identity }: MesosTask): boolean => {
    const latest = tasks.find(guidOf(identity));
    return latest === undefined || latest.id === id;
  };

  const tell = async (task: MesosTask, meaning: Loss['meaning'], reason: string): Promise<boolean> => {
    if (!isLatest(task)) return true;
    waiting += 1;
    try {
      return await teller.tell(lossOf(task, meaning, reason));
    } finally {
      waiting -= 1;
    }
  };

  const settle = (status: Status, uuid: Uint8Array | undefined): void => {
    if (uuid === undefined) return;
    tasks.settled(status.taskId, status.uuid);
    send(acknowledge(status, uuid));
  };

  const follow = async (status: Status, verdict: Verdict, uuid: Uint8Array | undefined): Promise<void> => {
    const { task, meaning, reason } = verdict;
    if (task !== undefined && isLoss(meaning) && !(await tell(task, meaning, reason)))
      return tasks.unsettled(status.taskId, status.uuid);
    if (verdict.acknowledge) settle(status, uuid);
  };

  return {
    onUpdate(shape) {
      const status = readStatus(shape);
      if (status === undefined) {
        const [task, state] = [shape.taskId.value, shape.state];
        const { code, message, remedy } = new OutcryError('MESOS_TASK_STATE_UNKNOWN', { task, state });
        logger.warn('unknown-task-state', { taskId: task, state, code, message, remedy });
        return;
      }
      options.heard(status);
      const verdict = options.judge(status, clock.monotonic());
      const { taskId, agentId, state, reason, message } = status;
      logger.debug('status', { taskId, state, reason, message, meaning: verdict.meaning });
      if (verdict.pending) return;
      if (verdict.kill) send(kill({ taskId, agentId }));
      const { task } = verdict;
      if (verdict.adopted && task !== undefined && state === 'TASK_RUNNING')
        unattended({ logger, event: 'failed-to-adopt', fields: { taskId } }, () => options.adopted(task));
      unattended({ logger, event: 'failed-to-follow-status', fields: { taskId } }, () =>
        follow(status, verdict, shape.uuid),
      );
    },
    lost(task, reason) {
      unattended({ logger, event: 'failed-to-tell-loss', fields: { taskId: task.id } }, () =>
        tell(task, 'lost', reason),
      );
    },
    unacknowledged: () => waiting,
  };
};
