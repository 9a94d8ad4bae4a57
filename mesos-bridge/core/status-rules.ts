import type { BookParts } from './book-parts.js';
import type { TaskStatus } from './task-status.js';
import type { Verdict } from './tasks.js';

/** With these the executor itself has ended, or never was. */
const EXECUTOR_ENDED = [
  'REASON_EXECUTOR_TERMINATED',
  'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
  'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
  'REASON_CONTAINER_LAUNCH_FAILED',
];

/**
 * An agent says TERMINATED, too, of a task that it never got ("Cannot find executor"), and names no executor then: one
 * that lives is not to be forgotten for it.
 */
const isEndOfExecutor = ({ source, reason, executorId }: TaskStatus): boolean =>
  source !== 'SOURCE_EXECUTOR' &&
  EXECUTOR_ENDED.includes(reason) &&
  (executorId !== '' || reason !== 'REASON_EXECUTOR_TERMINATED');

const LOSSES: readonly Verdict['meaning'][] = ['lost', 'refused', 'crashed', 'failed', 'suspect'];

/**
 * It may have come to nothing, or gone out of sight, before its rep had begun: when the BBS asks for it again, it has to
 * be launched again. Whether it may run again is for the BBS to say, which has every rep ask first.
 */
const isFree = ({ meaning, ended }: Verdict, { state }: TaskStatus): boolean =>
  LOSSES.includes(meaning) || (ended && state === 'TASK_KILLED');

/** What a status says of the executor, and of the placement that the task was launched for. */
export const createStatusRules = ({ tasks, executors, placements, count }: BookParts) => {
  const onExecutor = (status: TaskStatus, verdict: Verdict & { isFirstWord: boolean }, now: number): void => {
    const { task, meaning, adopted, ended, isFirstWord } = verdict;
    if (task === undefined || task.executorId === '') return;
    const { executorId, agentId } = task;
    const isLaunching = executors.get(executorId)?.state === 'launching';
    if (isEndOfExecutor(status)) executors.exited(executorId, now);
    else if (isFirstWord || meaning === 'back') executors.began(executorId, agentId, now);
    else if (adopted) executors.heard(executorId, agentId, now);
    // its launch was refused as a whole: there never was one
    else if (isLaunching && ended && tasks.countOf(executorId) === 0) executors.abandon(executorId);
    count(executorId, now);
  };

  return {
    status(status: TaskStatus, now: number): Verdict {
      const isFirstWord =
        status.source === 'SOURCE_EXECUTOR' && tasks.get(status.taskId)?.state === 'LAUNCHED';
      const verdict = tasks.update(status, now);
      if (!verdict.pending) onExecutor(status, { ...verdict, isFirstWord }, now);
      if (isFree(verdict, status) && verdict.task !== undefined) placements.release(verdict.task.placementId);
      return verdict;
    },
  };
};
