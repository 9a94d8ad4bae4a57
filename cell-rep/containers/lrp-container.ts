import type { ActualLrpTransition } from '../../bbs/index.js';
import type { UpdateRequest } from '../../common/model/auction.js';
import type { Routes } from '../../common/model/lrp.js';
import { CONTAINER_MISSING, containerTexts } from '../core/exit-texts.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { LrpReport, RunOutcome, StopCause } from '../core/life-cycle.js';
import { afterLrpAnswer } from '../core/life-cycle.js';
import { internalRoutesOf } from '../core/run-plan.js';
import type { CellContext } from './context.js';
import { evacuateLrp, lastReport, sendReport, strandLrp } from './lrp-evacuation.js';
import type { LrpInstance } from './lrp-parts.js';
import {
  STOPPED_EARLY,
  claim,
  crashed,
  fetchPlan,
  isServing,
  leaveTraffic,
  register,
  isThere,
  reportState,
  setRoutable,
} from './lrp-parts.js';
import type { ManagedContainer, Resume } from './managed.js';
import { createReporter } from './reporter.js';
import { createVessel } from './vessel.js';

/** Told to whoever gave the work. */
const NOT_CLAIMED = 'the bulletin board has not given the instance to this container';

const finish = async (lrp: LrpInstance, ended: RunOutcome): Promise<void> => {
  const { context, identity, logger, reporter, vessel } = lrp;
  // whoever adopts the container finds out how it ended
  if (vessel.detached.aborted) return;
  // told to stop while it was leaving traffic: it did not crash
  const outcome = lrp.leaving === undefined ? ended : { ...ended, stopped: true };
  const { failed, stopped, reason } = outcome;
  const noted = vessel.complete(outcome);
  void context.routes.remove(identity.guid);
  logger.info('process-completed-container', { failed, stopped, reason });
  await noted;
  if (vessel.detached.aborted) return;
  const last = lastReport(lrp, outcome);
  if (last !== undefined) reporter.set(last);
  await vessel.destroy();
  vessel.release();
  await reporter.idle();
  if (!vessel.detached.aborted) await vessel.forget();
};

const becomeRunning = (lrp: LrpInstance): void => {
  if (lrp.leaving !== undefined) return;
  lrp.vessel.setState('running');
  lrp.logger.info('process-running-container');
  const hasToBeReady = (lrp.vessel.plan()?.checks?.readinessChecks.length ?? 0) > 0;
  setRoutable(lrp, lrp.routable || !hasToBeReady);
};

const runToEnd = async (lrp: LrpInstance): Promise<void> => {
  const outcome = await lrp.vessel.run({
    // adopted while running: it does not become so again
    onRunning: () => (lrp.vessel.state() === 'running' ? undefined : becomeRunning(lrp)),
    onReady: (ready) => setRoutable(lrp, ready),
  });
  await finish(lrp, outcome);
};

/** A new instance: nothing is made before the BBS has given it to this container (design §8.3). */
const begin = async (lrp: LrpInstance): Promise<void> => {
  const { vessel } = lrp;
  const claimed = await claim(lrp);
  if (vessel.detached.aborted) return;
  if (claimed === 'dropped') return vessel.abandon(NOT_CLAIMED);
  vessel.setState('initializing');
  const plan = claimed === 'claimed' ? await fetchPlan(lrp) : STOPPED_EARLY;
  if (vessel.detached.aborted) return;
  if ('failed' in plan) return finish(lrp, plan);
  const created = await vessel.create(plan);
  if (vessel.detached.aborted) return;
  if (!created.ok) return finish(lrp, crashed(created.reason));
  if (vessel.stopping.aborted) return finish(lrp, STOPPED_EARLY);
  vessel.setState('created');
  return runToEnd(lrp);
};

/** Traffic first, then the container: `lrp.leaving` is resolved once its processes have been told. */
const leave = (lrp: LrpInstance, cause: StopCause, graceMs?: number): void => {
  lrp.leaving ??= (async () => {
    const { context, identity, logger, vessel } = lrp;
    logger.info('stopping', { cause });
    vessel.say(containerTexts(context.cellId, identity.guid).stopping);
    const noted = vessel.noteStop(cause);
    try {
      await leaveTraffic(lrp, cause);
    } catch (error) {
      logger.error('failed-to-leave-traffic', { error });
    }
    await noted;
    vessel.requestStop(graceMs);
  })();
};

/** An earlier life of the rep was told to stop it, and may not have got to tell routers. */
const goOnLeaving = (lrp: LrpInstance): void => {
  if (lrp.vessel.state() === 'running') {
    lrp.routable = true;
    register(lrp);
  }
  leave(lrp, 'resumed');
  // without traffic there is nothing to wait for, and much that could still be begun
  if (lrp.vessel.state() !== 'running') lrp.vessel.requestStop();
};

/** An instance of an earlier life of the rep: it goes on where it was. */
const goOn = async (lrp: LrpInstance, { container, stored }: Resume): Promise<void> => {
  const { vessel } = lrp;
  const outcome = stored?.record.outcome;
  const plan = stored?.plan ?? (container === undefined ? undefined : await fetchPlan(lrp));
  if (vessel.detached.aborted) return;
  const runnable = plan === undefined || 'failed' in plan ? undefined : plan;
  if (container !== undefined && runnable !== undefined) vessel.adopt(container, runnable);
  if (outcome !== undefined) return finish(lrp, outcome);
  if (runnable === undefined) {
    await container?.destroy();
    return finish(lrp, plan !== undefined && 'failed' in plan ? plan : STOPPED_EARLY);
  }
  if (vessel.isMissing()) {
    return finish(lrp, vessel.stopCause() === undefined ? crashed(CONTAINER_MISSING) : STOPPED_EARLY);
  }
  if (vessel.stopCause() !== undefined) goOnLeaving(lrp);
  else if (vessel.state() === 'running' && !vessel.isDecided()) becomeRunning(lrp);
  else vessel.setState('created');
  return runToEnd(lrp);
};

const createInstance = (
  identity: ContainerIdentity,
  context: CellContext,
  resume: Resume | undefined,
  stop: (cause: StopCause) => Promise<void>,
): LrpInstance => {
  const { guid, processGuid, index, domain } = identity;
  const traceId = context.random.uuid();
  const fields = { processGuid, index, instanceGuid: guid, traceId };
  const logger = context.logger.session('ordinary-lrp-processor', fields);
  const vessel = createVessel(identity, context, resume?.stored?.record);
  const transition: ActualLrpTransition = {
    key: { processGuid, index, domain },
    instanceKey: { instanceGuid: guid, cellId: context.cellId },
  };
  const reporter = createReporter<LrpReport>({
    context: { ...context, logger },
    signal: vessel.detached,
    send: (report) => sendReport(lrp, report),
    judge: afterLrpAnswer,
    onAnswer({ call }, after) {
      if (after === 'delete' || call === 'evacuate-claimed') lrp.released = true;
      if (after === 'delete') void stop('evacuated');
      if (after === 'stop' || after === 'drop') void stop('unwanted');
    },
  });
  const lrp: LrpInstance = {
    identity,
    context,
    logger,
    traceId,
    transition,
    vessel,
    reporter,
    interrupted: AbortSignal.any([vessel.stopping, vessel.detached]),
    ...(resume === undefined && { until: context.clock.monotonic() + context.times.reservationMs }),
    routable: false,
  };
  return lrp;
};

const update = (lrp: LrpInstance, { internalRoutes, metricTags }: UpdateRequest): void => {
  const plan = lrp.vessel.plan();
  if (plan === undefined) return;
  Object.assign(plan, { internalRoutes, metricTags });
  lrp.vessel.notePlan();
  if (isServing(lrp)) setRoutable(lrp, lrp.routable);
};

const changeRoutes = (lrp: LrpInstance, routes: Routes): void => {
  const plan = lrp.vessel.plan();
  if (plan === undefined || JSON.stringify(plan.routes) === JSON.stringify(routes)) return;
  Object.assign(plan, { routes, internalRoutes: internalRoutesOf(routes) });
  lrp.vessel.notePlan();
  if (isServing(lrp)) register(lrp);
};

/** One LRP instance on this cell: claim, make, run, report, and its leaving (design §8.3, §8.8). */
export const createLrpContainer = (
  identity: ContainerIdentity,
  context: CellContext,
  resume?: Resume,
): ManagedContainer => {
  const stop = (cause: StopCause, graceMs?: number): Promise<void> => {
    leave(lrp, cause, graceMs);
    return settled;
  };
  const lrp = createInstance(identity, context, resume, stop);
  const life = resume === undefined ? begin(lrp) : goOn(lrp, resume);
  // a defect must cost neither the container's room nor the row an answer
  const settled = life
    .catch((error: unknown) => {
      lrp.logger.error('container-life-failed', { error });
      return finish(lrp, crashed('internal error'));
    })
    .catch((error: unknown) => {
      lrp.logger.error('container-end-failed', { error });
      lrp.vessel.release();
    });
  return {
    identity,
    state: lrp.vessel.state,
    outcome: lrp.vessel.outcome,
    stop,
    detach: lrp.vessel.detach,
    measure: lrp.vessel.measure,
    report: () => (isThere(lrp) ? reportState(lrp) : undefined),
    evacuate: () => evacuateLrp(lrp, stop),
    strand: () => strandLrp(lrp, stop),
    update: (change) => update(lrp, change),
    routesChanged: (routes) => changeRoutes(lrp, routes),
    settled,
  };
};
