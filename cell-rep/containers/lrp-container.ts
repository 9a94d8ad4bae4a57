import type { Routes } from '../../common/model/lrp.js';
import type { ActualLrpTransition, StartActualLrp } from '../../bbs/index.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { LrpReport, RunOutcome } from '../core/life-cycle.js';
import { afterLrpAnswer, lrpReport } from '../core/life-cycle.js';
import { containerTexts } from '../core/exit-texts.js';
import type { RunPlan } from '../core/run-plan.js';
import { internalRoutesOf, planLrp } from '../core/run-plan.js';
import { pause } from '../waiting/pause.js';
import { retryUntilAnswered } from '../waiting/retry.js';
import type { CellContext } from './context.js';
import type { ManagedContainer, Resume, StopCause } from './managed.js';
import { createReporter } from './reporter.js';
import { createVessel } from './vessel.js';

const STOPPED_EARLY: RunOutcome = {
  failed: true,
  reason: 'stopped-before-running',
  stopped: true,
  retryable: false,
};

const failedWith = (reason: string): RunOutcome => ({
  failed: true,
  reason,
  stopped: false,
  retryable: false,
});

/** One LRP instance on this cell: claim, make, run, report, and its leaving (design §8.3, §8.8). */
export const createLrpContainer = (
  identity: ContainerIdentity,
  context: CellContext,
  resume?: Resume,
): ManagedContainer => {
  const { bbs, clock, random, routes, times } = context;
  const { guid, processGuid, index, domain } = identity;
  const traceId = random.uuid();
  const logger = context.logger.session('ordinary-lrp-processor', {
    processGuid,
    index,
    instanceGuid: guid,
    traceId,
  });
  const vessel = createVessel(identity, context, resume?.stored?.record);
  const reservedAt = clock.monotonic();
  const transition: ActualLrpTransition = {
    key: { processGuid, index, domain },
    instanceKey: { instanceGuid: guid, cellId: context.cellId },
  };
  let routable = false;
  let leaving: Promise<void> | undefined;

  const startMessage = (): StartActualLrp => {
    const info = vessel.container()?.info();
    const plan = vessel.plan();
    return {
      ...transition,
      netInfo: {
        address: info?.address ?? '',
        instanceAddress: info?.instanceAddress ?? '',
        preferredAddress: 'HOST',
        instanceIpv6Address: '',
        ports: (info?.ports ?? []).map((port) => ({
          ...port,
          containerTlsProxyPort: 0,
          hostTlsProxyPort: 0,
        })),
      },
      internalRoutes: plan?.internalRoutes ?? [],
      metricTags: plan?.metricTags ?? {},
      routable,
      availabilityZone: context.zone,
    };
  };

  const reporter = createReporter<LrpReport>({
    context: { ...context, logger },
    signal: vessel.detached,
    send(report) {
      if (report.call === 'claim') return bbs.claimActualLrp(transition, traceId);
      if (report.call === 'start') return bbs.startActualLrp(startMessage(), traceId);
      if (report.call === 'remove') return bbs.removeActualLrp(transition, traceId);
      return bbs.crashActualLrp({ ...transition, reason: report.reason }, traceId);
    },
    judge: afterLrpAnswer,
    onAnswer(_report, after) {
      if (after === 'stop') void stop('unwanted');
    },
  });

  const register = (): void => {
    const [plan, container] = [vessel.plan(), vessel.container()];
    if (!routable || plan === undefined || container === undefined) return;
    const { address, ports } = container.info();
    const { logGuid } = plan.identity;
    const { metricTags } = plan;
    routes.put({
      processGuid,
      instanceGuid: guid,
      index,
      logGuid,
      address,
      ports,
      routes: plan.routes,
      metricTags,
      zone: context.zone,
    });
  };

  const onReady = (ready: boolean): void => {
    if (leaving !== undefined) return;
    routable = ready;
    if (ready) register();
    else void routes.remove(guid);
    reporter.set({ call: 'start' });
  };

  const onRunning = (): void => {
    if (leaving !== undefined) return;
    vessel.setState('running');
    logger.info('process-running-container');
    onReady((vessel.plan()?.checks?.readinessChecks.length ?? 0) === 0);
  };

  /** design §8.8: no router may know the instance when it is told to end */
  const leaveTraffic = async (cause: StopCause): Promise<void> => {
    const registered = routes.registered().includes(guid);
    routable = false;
    if (cause === 'requested' && vessel.state() === 'running') reporter.set({ call: 'start' });
    await routes.remove(guid);
    if (registered) await pause(clock, times.inFlightGraceMs, vessel.detached);
  };

  const stop = (cause: StopCause): Promise<void> => {
    leaving ??= (async () => {
      logger.info('stopping', { cause });
      vessel.say(containerTexts(context.cellId, guid).stopping);
      await leaveTraffic(cause);
      vessel.requestStop();
    })();
    return settled;
  };

  const abandon = (): void => {
    context.ledger.abandon(guid, clock.monotonic());
    context.roomAppeared();
  };

  const finish = async (outcome: RunOutcome): Promise<void> => {
    // told to stop while it was leaving traffic: it did not crash
    const final = leaving === undefined ? outcome : { ...outcome, stopped: true };
    vessel.complete(final);
    void routes.remove(guid);
    logger.info('process-completed-container', {
      failed: final.failed,
      stopped: final.stopped,
      reason: final.reason,
    });
    reporter.set(lrpReport('completed', final));
    await vessel.destroy();
    context.ledger.release(guid);
    context.roomAppeared();
    await reporter.idle();
    if (!vessel.detached.aborted) await vessel.forget();
  };

  const interrupted = AbortSignal.any([vessel.stopping, vessel.detached]);
  const until = reservedAt + times.reservationMs;

  /** whether the BBS gave the instance to this container */
  const claim = async (): Promise<'claimed' | 'dropped' | 'interrupted'> => {
    const reply = await retryUntilAnswered({ clock, random, signal: interrupted, until }, () =>
      bbs.claimActualLrp(transition, traceId),
    );
    if (reply === undefined) return vessel.stopping.aborted ? 'interrupted' : 'dropped';
    if (reply.answer.ok) return 'claimed';
    logger.info('failed-to-claim-container', { error: reply.answer.error });
    return 'dropped';
  };

  const fetchPlan = async (): Promise<RunPlan | RunOutcome> => {
    const reply = await retryUntilAnswered({ clock, random, signal: interrupted, until }, () =>
      bbs.desiredLrp(processGuid),
    );
    if (reply === undefined) return vessel.stopping.aborted ? STOPPED_EARLY : failedWith('expired container');
    if (!reply.answer.ok) return STOPPED_EARLY;
    const planned = planLrp(reply.answer.value, identity);
    return planned.ok ? planned.plan : failedWith(planned.reason);
  };

  const runToEnd = async (): Promise<void> => {
    // adopted while running: it does not become so again
    const once = (): void => (vessel.state() === 'running' ? undefined : onRunning());
    return finish(await vessel.run({ onRunning: once, onReady }));
  };

  const begin = async (): Promise<void> => {
    const claimed = await claim();
    if (vessel.detached.aborted) return;
    if (claimed === 'dropped') return abandon();
    vessel.setState('initializing');
    const plan = claimed === 'claimed' ? await fetchPlan() : STOPPED_EARLY;
    if (vessel.detached.aborted) return;
    if ('failed' in plan) return finish(plan);
    const created = await vessel.create(plan);
    if (!created.ok) return finish(failedWith(created.reason));
    if (vessel.stopping.aborted) return finish(STOPPED_EARLY);
    vessel.setState('created');
    return runToEnd();
  };

  const goOn = async ({ container, stored }: Resume): Promise<void> => {
    const outcome = stored?.record.outcome;
    const plan = stored?.plan ?? (container === undefined ? undefined : await fetchPlan());
    if (container !== undefined && plan !== undefined && !('failed' in plan)) vessel.adopt(container, plan);
    if (outcome !== undefined) return finish(outcome);
    if (plan === undefined || 'failed' in plan) {
      await container?.destroy();
      return finish(plan ?? STOPPED_EARLY);
    }
    if (vessel.state() === 'running') onRunning();
    else vessel.setState('created');
    return runToEnd();
  };

  const life = resume === undefined ? begin() : goOn(resume);
  const settled = life.catch((error: unknown) => {
    logger.error('container-life-failed', { error });
    context.ledger.release(guid);
  });

  return {
    identity,
    state: vessel.state,
    stop,
    detach: vessel.detach,
    report() {
      if (vessel.state() === 'running' && leaving === undefined) reporter.set({ call: 'start' });
    },
    update({ internalRoutes, metricTags }) {
      const plan = vessel.plan();
      if (plan === undefined) return;
      Object.assign(plan, { internalRoutes, metricTags });
      vessel.notePlan();
      if (vessel.state() === 'running' && leaving === undefined) onReady(routable);
    },
    routesChanged(next: Routes) {
      const plan = vessel.plan();
      if (plan === undefined || JSON.stringify(plan.routes) === JSON.stringify(next)) return;
      Object.assign(plan, { routes: next, internalRoutes: internalRoutesOf(next) });
      vessel.notePlan();
      if (vessel.state() === 'running' && leaving === undefined) register();
    },
    settled,
  };
};
