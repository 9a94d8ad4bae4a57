import { OutcryError } from '../../common/model/errors.js';
import type { Task } from '../../common/model/task.js';
import type { Logger } from '../../common/ports/logger.js';
import type { CallbackAttempt, CallbackSender } from '../http-callbacks.js';
import { deliveredTask, resolvingTask } from '../core/tasks.js';
import type { BbsStore } from '../store/schema.js';
import type { Transactions } from './transactions.js';

export interface CallbacksOptions {
  store: BbsStore;
  transactions: Transactions;
  sender: CallbackSender;
  logger: Logger;
  /** callbacks under way at once */
  workers: number;
  /** one has been answered, or has failed at every attempt */
  onDone(answered: boolean): void;
}

/** Tells whoever wanted a task of its outcome (behaviour sheet §3). */
export interface Callbacks {
  /** of a Completed task; what is waiting or under way already is left at that */
  submit(taskGuid: string, traceId: string): void;
  /** what is under way is given up, and tried again by convergence; none begins any more */
  stop(): Promise<void>;
}

/** As Diego's. */
const ATTEMPTS = 3;
const RETRIED = new Set([503, 504]);

/** Diego's TaskCallbackResponse. */
const bodyOf = ({ taskGuid, failed, failureReason, result, annotation, createdAt }: Task) => ({
  task_guid: taskGuid,
  failed,
  failure_reason: failureReason,
  result,
  ...(annotation === '' ? {} : { annotation }),
  created_at: createdAt,
});

const isAnswer = (attempt: CallbackAttempt): boolean =>
  attempt.kind === 'answered' && !RETRIED.has(attempt.status);

const reasonOf = (attempt: CallbackAttempt): string =>
  attempt.kind === 'answered' ? `status ${attempt.status}` : attempt.reason;

/** Without the query, where signatures are, and without credentials. */
const shownUrl = (text: string): string => {
  try {
    const { origin, pathname } = new URL(text);
    return origin + pathname;
  } catch {
    return text;
  }
};

/** Runs what is submitted, each guid once at a time, never more at once than there are workers. */
const createPool = (workers: number, work: (guid: string, traceId: string) => Promise<void>) => {
  const waiting = new Map<string, string>();
  const running = new Map<string, Promise<void>>();
  let stopped = false;

  const next = (): void => {
    for (const [guid, traceId] of waiting) {
      if (running.size >= workers) return;
      waiting.delete(guid);
      const done = work(guid, traceId).finally(() => {
        running.delete(guid);
        next();
      });
      running.set(guid, done);
    }
  };

  return {
    stopped: () => stopped,
    submit(guid: string, traceId: string): void {
      if (stopped || running.has(guid)) return;
      waiting.set(guid, traceId);
      next();
    },
    async stop(): Promise<void> {
      stopped = true;
      waiting.clear();
      await Promise.all(running.values());
    },
  };
};

export const createCallbacks = (options: CallbacksOptions): Callbacks => {
  const { store, transactions, sender } = options;
  const logger = options.logger.session('task-callback');

  /** up to three attempts; the last one */
  const deliver = async (task: Task): Promise<CallbackAttempt> => {
    for (let left = ATTEMPTS; ; left -= 1) {
      const attempt = await sender.send(task.completionCallbackUrl, bodyOf(task));
      if (left === 1 || isAnswer(attempt) || attempt.kind === 'failed') return attempt;
    }
  };

  const undelivered = (task: Task, attempt: CallbackAttempt): void => {
    options.onDone(false);
    const url = shownUrl(task.completionCallbackUrl);
    const { code, message, remedy } = new OutcryError('TASK_CALLBACK_FAILED', {
      task: task.taskGuid,
      url,
      reason: reasonOf(attempt),
    });
    logger.warn('failed', { code, message, remedy });
  };

  const work = async (taskGuid: string, traceId: string): Promise<void> => {
    const taken = await transactions.run('resolving-task', traceId, (tables, ctx) =>
      resolvingTask(tables.tasks.get(taskGuid), ctx),
    );
    // somebody else takes note of it
    if (!taken.ok) return;
    const task = store.committed.tasks.get(taskGuid);
    if (!task) return;
    const attempt = await deliver(task);
    // stays Resolving: convergence demotes it, and has it tried again
    if (!isAnswer(attempt)) return pool.stopped() ? undefined : undelivered(task, attempt);
    options.onDone(true);
    logger.debug('complete', { traceId, taskGuid });
    await transactions.run('delete-task', traceId, (tables, ctx) =>
      deliveredTask(tables.tasks.get(taskGuid), task.createdAt, ctx),
    );
  };

  const pool = createPool(options.workers, (guid, traceId) =>
    work(guid, traceId).catch((error: unknown) => logger.error('failed', { taskGuid: guid, error })),
  );

  return {
    submit: pool.submit,
    async stop() {
      await Promise.all([pool.stop(), sender.close()]);
    },
  };
};
