import type { Logger } from '../../common/ports/logger.js';
import { CONTAINER_MISSING, containerTexts } from '../core/exit-texts.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { RunOutcome, StopCause, TaskReport } from '../core/life-cycle.js';
import { afterTaskAnswer, taskReport } from '../core/life-cycle.js';
import type { RunPlan } from '../core/run-plan.js';
import { planTask } from '../core/run-plan.js';
import { retryUntilAnswered } from '../waiting/retry.js';
import type { CellContext } from './context.js';
import type { ManagedContainer, Resume } from './managed.js';
import type { Reporter } from './reporter.js';
import { createReporter } from './reporter.js';
import type { Vessel } from './vessel.js';
import { createVessel } from './vessel.js';

/** One task on this cell, as the functions of its life share it. */
interface TaskRun {
  readonly identity: ContainerIdentity;
  readonly context: CellContext;
  readonly logger: Logger;
  readonly traceId: string;
  readonly vessel: Vessel;
  readonly reporter: Reporter<TaskReport>;
  readonly interrupted: AbortSignal;
  /** ms, monotonic */
  readonly until: number;
  result: string;
  cause?: StopCause;
}

/** Largest result, in bytes (Diego's). */
const RESULT_LIMIT = 51_200;

const CANCELLED: RunOutcome = { failed: true, reason: '', stopped: true, retryable: false };
const CELL_STOPPED = 'cell stopped before completion';

const WITHDRAWN = 'its place was withdrawn before completion';

const failedWith = (reason: string, retryable = false): RunOutcome => ({
  failed: true,
  reason,
  stopped: false,
  retryable,
});

/** Of what the BBS has not asked to be ended, it must hear that it failed. */
const unasked = (cause: StopCause | undefined, ended: RunOutcome): RunOutcome => {
  if (cause === 'shutdown') return failedWith(CELL_STOPPED);
  return cause === 'withdrawn' ? failedWith(WITHDRAWN) : ended;
};

/** A successful task whose result cannot be had has failed; what a failed one left is told as far as it can be had. */
const readResult = async (
  vessel: Vessel,
  outcome: RunOutcome,
): Promise<{ outcome: RunOutcome; result: string }> => {
  const path = vessel.plan()?.resultFile ?? '';
  const container = vessel.container();
  if (path === '' || outcome.stopped || container === undefined) return { outcome, result: '' };
  const read = await container.readFile(path, RESULT_LIMIT);
  if (read.ok) return { outcome, result: read.content.toString('utf8') };
  if (outcome.failed) return { outcome, result: '' };
  return { outcome: { ...outcome, ...failedWith('failed to fetch result') }, result: '' };
};

const retry = <T>(
  { context, interrupted, until }: TaskRun,
  call: Parameters<typeof retryUntilAnswered<T>>[1],
) =>
  retryUntilAnswered<T>({ clock: context.clock, random: context.random, signal: interrupted, until }, call);

/**
 * Whether the BBS wants this cell to start the task now. "No" after an attempt of ours that got no
 * answer means that that attempt took effect: nothing has been started under it yet.
 */
const mayStart = async (task: TaskRun): Promise<boolean> => {
  const { context, identity, traceId } = task;
  const reply = await retry(task, () => context.bbs.startTask(identity.guid, context.cellId, traceId));
  if (reply === undefined) return false;
  if (reply.answer.ok) return reply.answer.value || reply.attempts > 1;
  task.logger.info('failed-to-start-task', { error: reply.answer.error });
  return false;
};

const fetchPlan = async (task: TaskRun): Promise<RunPlan | RunOutcome> => {
  const reply = await retry(task, () => task.context.bbs.task(task.identity.guid));
  if (reply === undefined)
    return task.vessel.stopping.aborted ? CANCELLED : failedWith('failed to run container');
  if (!reply.answer.ok) return CANCELLED;
  const planned = planTask(reply.answer.value, task.identity);
  return planned.ok ? planned.plan : failedWith(planned.reason);
};

const finish = async (task: TaskRun, ended: RunOutcome): Promise<void> => {
  const { logger, reporter, vessel } = task;
  // whoever adopts the container finds out how it ended
  if (vessel.detached.aborted) return;
  const final = ended.stopped ? unasked(task.cause, ended) : ended;
  const { outcome, result } = await readResult(vessel, final);
  task.result = result;
  const noted = vessel.complete(outcome);
  logger.info('process-completed-container', { failed: outcome.failed, reason: outcome.reason });
  await noted;
  if (vessel.detached.aborted) return;
  const report = taskReport('completed', outcome);
  if (report.call !== 'nothing') reporter.set(report);
  await vessel.destroy();
  vessel.release();
  await reporter.idle();
  if (!vessel.detached.aborted) await vessel.forget();
};

const runToEnd = async (task: TaskRun): Promise<void> => {
  const onRunning = (): void => {
    task.vessel.setState('running');
    task.logger.info('process-running-container');
  };
  await finish(task, await task.vessel.run({ onRunning, onReady: () => undefined }));
};

/** Told to whoever gave the work. */
const NOT_STARTED = 'the bulletin board does not want the task started here';

const begin = async (task: TaskRun): Promise<void> => {
  const { vessel } = task;
  const started = await mayStart(task);
  if (vessel.detached.aborted) return;
  if (!started) return vessel.abandon(NOT_STARTED);
  vessel.setState('initializing');
  const plan = await fetchPlan(task);
  if (vessel.detached.aborted) return;
  if ('failed' in plan) return finish(task, plan);
  const created = await vessel.create(plan);
  if (vessel.detached.aborted) return;
  if (!created.ok) return finish(task, failedWith(created.reason, true));
  if (vessel.stopping.aborted) return finish(task, CANCELLED);
  vessel.setState('created');
  return runToEnd(task);
};

const leave = (task: TaskRun, cause: StopCause, graceMs?: number): void => {
  if (task.cause !== undefined) return;
  const { context, identity, vessel } = task;
  task.cause = cause;
  vessel.say(containerTexts(context.cellId, identity.guid).stopping);
  void vessel.noteStop(cause).then(() => vessel.requestStop(graceMs));
};

/** A task is not begun again: without its plan, a found container is only taken away. */
const goOn = async (task: TaskRun, { container, stored }: Resume): Promise<void> => {
  const { vessel } = task;
  const plan = stored?.plan;
  if (container !== undefined && plan !== undefined) vessel.adopt(container, plan);
  if (stored?.record.outcome !== undefined) return finish(task, stored.record.outcome);
  if (plan === undefined || container === undefined) {
    await container?.destroy();
    return finish(task, failedWith('task container does not exist'));
  }
  if (vessel.isMissing()) return finish(task, failedWith(CONTAINER_MISSING));
  if (vessel.state() !== 'running') vessel.setState('created');
  const cause = vessel.stopCause();
  if (cause !== undefined) leave(task, cause);
  return runToEnd(task);
};

const createRun = (
  identity: ContainerIdentity,
  context: CellContext,
  resume: Resume | undefined,
): TaskRun => {
  const { bbs, cellId } = context;
  const taskGuid = identity.guid;
  const traceId = context.random.uuid();
  const logger = context.logger.session('task-processor', { taskGuid, traceId });
  const vessel = createVessel(identity, context, resume?.stored?.record);
  const reporter = createReporter<TaskReport>({
    context: { ...context, logger },
    signal: vessel.detached,
    async send(report) {
      if (report.call === 'reject') {
        const { placementId } = identity;
        return bbs.rejectTask(taskGuid, report.reason, traceId, { placementId, cellId });
      }
      if (report.call !== 'complete') return { ok: true, value: undefined };
      const { failed, reason } = report;
      const completion = { taskGuid, cellId, failed, failureReason: reason, result: task.result };
      return bbs.completeTask(completion, traceId);
    },
    judge: afterTaskAnswer,
    onAnswer: () => undefined,
  });
  const task: TaskRun = {
    identity,
    context,
    logger,
    traceId,
    vessel,
    reporter,
    interrupted: AbortSignal.any([vessel.stopping, vessel.detached]),
    until: context.clock.monotonic() + context.times.reservationMs,
    result: '',
  };
  return task;
};

/** One task on this cell: started at most once, reported once (design §8.3). */
export const createTaskContainer = (
  identity: ContainerIdentity,
  context: CellContext,
  resume?: Resume,
): ManagedContainer => {
  const task = createRun(identity, context, resume);
  const life = resume === undefined ? begin(task) : goOn(task, resume);
  // a defect must cost neither the container's room nor the row an answer
  const settled = life
    .catch((error: unknown) => {
      task.logger.error('container-life-failed', { error });
      return finish(task, failedWith('internal error'));
    })
    .catch((error: unknown) => {
      task.logger.error('container-end-failed', { error });
      task.vessel.release();
    });
  const stop = (cause: StopCause, graceMs?: number): Promise<void> => {
    leave(task, cause, graceMs);
    return settled;
  };
  return {
    identity,
    state: task.vessel.state,
    outcome: task.vessel.outcome,
    stop,
    detach: task.vessel.detach,
    measure: task.vessel.measure,
    report: () => undefined,
    evacuate: () => undefined,
    strand: () => stop('shutdown'),
    update: () => undefined,
    routesChanged: () => undefined,
    settled,
  };
};
