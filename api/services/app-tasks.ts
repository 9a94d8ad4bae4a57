import type { EventApi, TaskApi } from '../../bbs/index.js';
import type { Task } from '../../common/model/task.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { taskDefinition } from '../core/desired-lrp.js';
import type { ApiFailure } from '../core/failure.js';
import { TASKS_DOMAIN } from '../core/lrp-parts.js';
import { planTasks } from '../core/reconcile.js';
import type { TaskRow } from '../core/rows.js';
import { cancelTask, failMissing, failTask, hasEnded, observeTask } from '../core/tasks.js';
import type { State } from '../store/state.js';
import type { Explain } from './explain.js';
import { bbsFailure } from './lrp-writer.js';

/** Apps' tasks: handed to the BBS, followed there, and removed there once their end is kept here. */
export interface AppTasks {
  start(): Promise<void>;
  stop(): void;
  /** hands a task over that has just been made; refused, or never answered for, it is FAILED */
  desire(task: TaskRow): Promise<Result<TaskRow, ApiFailure[]>>;
  cancel(guid: string): Promise<Result<TaskRow, ApiFailure[]>>;
  /** compares everything with the BBS */
  sync(): Promise<void>;
}

export interface AppTasksOptions {
  state: State;
  bbs: TaskApi & EventApi;
  explain: Pick<Explain, 'reason'>;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** ms between comparisons */
  syncIntervalMs: number;
}

/** ms that a new task may be unknown to the BBS, being on its way there. */
const HANDOVER_MS = 10_000;

/** It ended because it was refused, not because of what it did. */
const hasNoPlace = ({ state, failed, failureReason, rejectionReason }: Task): boolean =>
  state === 'Completed' && failed && failureReason !== '' && failureReason === rejectionReason;

export const createAppTasks = (options: AppTasksOptions): AppTasks => {
  const { state, bbs, explain, clock, random, logger } = options;
  const cancels: Cancel[] = [];

  const removeThere = async (task: Task): Promise<void> => {
    const traceId = random.uuid();
    if (task.state === 'Completed') await bbs.resolvingTask(task.taskGuid, traceId);
    await bbs.deleteTask(task.taskGuid, traceId);
  };

  const observe = async (task: Task): Promise<void> => {
    if (task.domain !== TASKS_DOMAIN) return;
    const ended = await state.change((tables, context) => observeTask(tables, context, task));
    if (ended) await removeThere(task);
  };

  /** As it happens: one that found no place ends with the cell that came nearest. A comparison does not wait for that. */
  const follow = async (task: Task): Promise<void> => {
    if (task.domain !== TASKS_DOMAIN || !hasNoPlace(task)) return observe(task);
    await observe({ ...task, failureReason: await explain.reason(task.taskGuid, task.failureReason) });
  };

  /** a store that is full must not end the process */
  const watched = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => logger.error('failed-to-follow-task', { error }));

  const sync = async (): Promise<void> => {
    const before = new Date(clock.now() - HANDOVER_MS).toISOString();
    const expected = [...state.tables.tasks.entries()].flatMap(([guid, task]) =>
      hasEnded(task.state) || task.createdAt > before ? [] : [guid],
    );
    const listed = await bbs.tasks({ domain: TASKS_DOMAIN });
    if (!listed.ok) {
      logger.warn('failed-to-list-tasks', { reason: listed.error.message });
      return;
    }
    const { cancel, ended, live } = planTasks(state.tables, listed.value);
    for (const guid of cancel) await bbs.cancelTask(guid, random.uuid());
    for (const task of [...ended, ...live]) await observe(task);
    const there = new Set(listed.value.map((task) => task.taskGuid));
    const missing = new Set(expected.filter((guid) => !there.has(guid)));
    if (missing.size > 0) await state.change((tables, context) => failMissing(tables, context, missing));
  };

  const desire: AppTasks['desire'] = async (task) => {
    const definition = taskDefinition(state.tables, state.settings, task);
    if (!definition) return ok(task);
    const wish = { taskGuid: task.guid, domain: TASKS_DOMAIN, definition };
    const desired = await bbs.desireTask(wish, random.uuid());
    if (desired.ok) return ok(task);
    const failure = bbsFailure(desired.error);
    const reason = failure.detail;
    await state.change((tables, context) => failTask(tables, context, { guid: task.guid, reason }));
    return err([failure]);
  };

  return {
    desire,
    sync,
    async cancel(guid) {
      const canceled = await state.decide((tables, context) => cancelTask(tables, context, guid));
      if (!canceled.ok) return canceled;
      const told = await bbs.cancelTask(guid, random.uuid());
      if (!told.ok && told.error.unavailable) return err([bbsFailure(told.error)]);
      return canceled;
    },
    async start() {
      cancels.push(
        bbs.subscribe(
          {
            onEvent(event) {
              if (event.kind === 'task_created') void watched(follow(event.task));
              if (event.kind === 'task_changed') void watched(follow(event.after));
            },
            onGap: () => void watched(sync()),
          },
          { domain: TASKS_DOMAIN },
        ),
        clock.every(options.syncIntervalMs, () => watched(sync())),
      );
      await sync();
    },
    stop() {
      for (const cancel of cancels.splice(0)) cancel();
    },
  };
};
