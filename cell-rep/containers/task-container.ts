import type { ContainerIdentity } from '../core/identity.js';
import type { RunOutcome, TaskReport } from '../core/life-cycle.js';
import { afterTaskAnswer, taskReport } from '../core/life-cycle.js';
import type { RunPlan } from '../core/run-plan.js';
import { planTask } from '../core/run-plan.js';
import { retryUntilAnswered } from '../waiting/retry.js';
import type { CellContext } from './context.js';
import type { ManagedContainer, Resume, StopCause } from './managed.js';
import { createReporter } from './reporter.js';
import type { Vessel } from './vessel.js';
import { createVessel } from './vessel.js';

/** Largest result, in bytes (Diego's). */
const RESULT_LIMIT = 51_200;

const CANCELLED: RunOutcome = { failed: true, reason: '', stopped: true, retryable: false };
const CELL_STOPPED = 'cell stopped before completion';

const failedWith = (reason: string, retryable: boolean): RunOutcome => ({
  failed: true,
  reason,
  stopped: false,
  retryable,
});

/** A successful task whose result cannot be had has failed; a failed one has no result. */
const readResult = async (
  vessel: Vessel,
  outcome: RunOutcome,
): Promise<{ outcome: RunOutcome; result: string }> => {
  const path = vessel.plan()?.resultFile ?? '';
  const container = vessel.container();
  if (path === '' || outcome.failed || container === undefined) return { outcome, result: '' };
  const read = await container.readFile(path, RESULT_LIMIT);
  if (read.ok) return { outcome, result: read.content.toString('utf8') };
  return { outcome: { ...outcome, failed: true, reason: 'failed to fetch result' }, result: '' };
};

/** One task on this cell: started at most once, reported once (design §8.3). */
export const createTaskContainer = (
  identity: ContainerIdentity,
  context: CellContext,
  resume?: Resume,
): ManagedContainer => {
  const { bbs, clock, random, cellId } = context;
  const taskGuid = identity.guid;
  const traceId = random.uuid();
  const logger = context.logger.session('task-processor', { taskGuid, traceId });
  const vessel = createVessel(identity, context, resume?.stored?.record);
  const until = clock.monotonic() + context.times.reservationMs;
  const interrupted = AbortSignal.any([vessel.stopping, vessel.detached]);
  let result = '';
  let cause: StopCause | undefined;

  const reporter = createReporter<TaskReport>({
    context: { ...context, logger },
    signal: vessel.detached,
    async send(report) {
      if (report.call === 'reject') return bbs.rejectTask(taskGuid, report.reason, traceId);
      if (report.call !== 'complete') return { ok: true, value: undefined };
      const { failed, reason } = report;
      return bbs.completeTask({ taskGuid, cellId, failed, failureReason: reason, result }, traceId);
    },
    judge: afterTaskAnswer,
    onAnswer: () => undefined,
  });

  const retry = <T>(call: Parameters<typeof retryUntilAnswered<T>>[1]) =>
    retryUntilAnswered<T>({ clock, random, signal: interrupted, until }, call);

  /**
   * Whether the BBS wants this cell to start the task now. "No" after an attempt of ours that got no
   * answer means that that attempt took effect: nothing has been started under it yet.
   */
  const mayStart = async (): Promise<boolean> => {
    const reply = await retry(() => bbs.startTask(taskGuid, cellId, traceId));
    if (reply === undefined) return false;
    if (reply.answer.ok) return reply.answer.value || reply.attempts > 1;
    logger.info('failed-to-start-task', { error: reply.answer.error });
    return false;
  };

  const fetchPlan = async (): Promise<RunPlan | RunOutcome> => {
    const reply = await retry(() => bbs.task(taskGuid));
    if (reply === undefined) return failedWith('failed to run container', false);
    if (!reply.answer.ok) return CANCELLED;
    const planned = planTask(reply.answer.value, identity);
    return planned.ok ? planned.plan : failedWith(planned.reason, false);
  };

  const leave = async (): Promise<void> => {
    await vessel.destroy();
    context.ledger.release(taskGuid);
    context.roomAppeared();
  };

  const finish = async (ended: RunOutcome): Promise<void> => {
    const final = ended.stopped && cause === 'shutdown' ? failedWith(CELL_STOPPED, false) : ended;
    const read = await readResult(vessel, final);
    result = read.result;
    vessel.complete(read.outcome);
    logger.info('process-completed-container', { failed: read.outcome.failed, reason: read.outcome.reason });
    const report = taskReport('completed', read.outcome);
    if (report.call !== 'nothing') reporter.set(report);
    await leave();
    await reporter.idle();
    if (!vessel.detached.aborted) await vessel.forget();
  };

  const onRunning = (): void => {
    vessel.setState('running');
    logger.info('process-running-container');
  };

  const runToEnd = async (): Promise<void> =>
    finish(await vessel.run({ onRunning, onReady: () => undefined }));

  const begin = async (): Promise<void> => {
    const started = await mayStart();
    if (vessel.detached.aborted) return;
    if (!started) {
      context.ledger.abandon(taskGuid, clock.monotonic());
      return context.roomAppeared();
    }
    vessel.setState('initializing');
    const plan = await fetchPlan();
    if (vessel.detached.aborted) return;
    if ('failed' in plan) return finish(plan);
    const created = await vessel.create(plan);
    if (!created.ok) return finish(failedWith(created.reason, true));
    if (vessel.stopping.aborted) return finish(CANCELLED);
    vessel.setState('created');
    return runToEnd();
  };

  /** A task is not begun again: without its plan, a found container is only taken away. */
  const goOn = async ({ container, stored }: Resume): Promise<void> => {
    const plan = stored?.plan;
    if (container !== undefined && plan !== undefined) vessel.adopt(container, plan);
    if (stored?.record.outcome !== undefined) return finish(stored.record.outcome);
    if (plan === undefined || container === undefined) {
      await container?.destroy();
      return finish(failedWith('task container does not exist', false));
    }
    if (vessel.state() !== 'running') vessel.setState('created');
    return runToEnd();
  };

  const life = resume === undefined ? begin() : goOn(resume);
  const settled = life.catch((error: unknown) => {
    logger.error('container-life-failed', { error });
    context.ledger.release(taskGuid);
  });

  return {
    identity,
    state: vessel.state,
    stop(why) {
      cause ??= why;
      vessel.requestStop();
      return settled;
    },
    detach: vessel.detach,
    report: () => undefined,
    update: () => undefined,
    routesChanged: () => undefined,
    settled,
  };
};
