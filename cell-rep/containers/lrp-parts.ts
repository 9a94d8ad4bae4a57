import type { ActualLrpTransition, StartActualLrp } from '../../bbs/index.js';
import type { Logger } from '../../common/ports/logger.js';
import type { ContainerIdentity } from '../core/identity.js';
import type { LrpReport, RunOutcome, StopCause } from '../core/life-cycle.js';
import { lrpReport } from '../core/life-cycle.js';
import type { RunPlan } from '../core/run-plan.js';
import { planLrp } from '../core/run-plan.js';
import { pause } from '../waiting/pause.js';
import { retryUntilAnswered } from '../waiting/retry.js';
import type { CellContext } from './context.js';
import type { Reporter } from './reporter.js';
import type { Vessel } from './vessel.js';

/** One LRP instance on this cell, as the functions of its life share it. */
export interface LrpInstance {
  readonly identity: ContainerIdentity;
  readonly context: CellContext;
  readonly logger: Logger;
  readonly traceId: string;
  readonly transition: ActualLrpTransition;
  readonly vessel: Vessel;
  readonly reporter: Reporter<LrpReport>;
  /** aborted when the container is to stop, or the rep leaves */
  readonly interrupted: AbortSignal;
  /** ms, monotonic: when a reservation that could not be begun is given up; never, for what runs already */
  readonly until?: number;
  routable: boolean;
  /** set once it was told to stop */
  leaving?: Promise<void>;
  /** the cell drains, and a replacement was asked for; `dismissed`: it had not begun to run */
  evacuation?: 'draining' | 'dismissed';
  /** the BBS has let go of it: there is nothing left to be told */
  released?: true;
}

export const STOPPED_EARLY: RunOutcome = {
  failed: true,
  reason: 'stopped-before-running',
  stopped: true,
  retryable: false,
};

export const crashed = (reason: string): RunOutcome => ({
  failed: true,
  reason,
  stopped: false,
  retryable: false,
});

const retry = <T>(lrp: LrpInstance, call: Parameters<typeof retryUntilAnswered<T>>[1]) => {
  const { interrupted: signal, until } = lrp;
  const { clock, random } = lrp.context;
  const limit = until === undefined ? {} : { until };
  return retryUntilAnswered<T>({ clock, random, signal, ...limit }, call);
};

/** Whether the BBS gave the instance to this container. */
export const claim = async (lrp: LrpInstance): Promise<'claimed' | 'dropped' | 'stopped'> => {
  const reply = await retry(lrp, () => lrp.context.bbs.claimActualLrp(lrp.transition, lrp.traceId));
  if (reply === undefined) return lrp.vessel.stopping.aborted ? 'stopped' : 'dropped';
  if (reply.answer.ok) return 'claimed';
  lrp.logger.info('failed-to-claim-container', { error: reply.answer.error });
  return 'dropped';
};

/** What is to be run; an outcome when there is nothing to run, or it cannot be. */
export const fetchPlan = async (lrp: LrpInstance): Promise<RunPlan | RunOutcome> => {
  const reply = await retry(lrp, () => lrp.context.bbs.desiredLrp(lrp.identity.processGuid));
  if (reply === undefined) return lrp.vessel.stopping.aborted ? STOPPED_EARLY : crashed('expired container');
  if (!reply.answer.ok) return STOPPED_EARLY;
  const planned = planLrp(reply.answer.value, lrp.identity);
  return planned.ok ? planned.plan : crashed(planned.reason);
};

/** What the BBS is told of a running instance. */
export const startMessage = ({ context, transition, vessel, routable }: LrpInstance): StartActualLrp => {
  const info = vessel.container()?.info();
  const ports = (info?.ports ?? []).map((port) => ({
    ...port,
    containerTlsProxyPort: 0,
    hostTlsProxyPort: 0,
  }));
  return {
    ...transition,
    netInfo: {
      address: info?.address ?? '',
      instanceAddress: info?.instanceAddress ?? '',
      preferredAddress: 'HOST',
      instanceIpv6Address: info?.instanceIpv6Address ?? '',
      ports,
    },
    internalRoutes: vessel.plan()?.internalRoutes ?? [],
    metricTags: vessel.plan()?.metricTags ?? {},
    routable,
    availabilityZone: context.zone,
  };
};

export const register = ({ identity, context, vessel, routable }: LrpInstance): void => {
  const [plan, container] = [vessel.plan(), vessel.container()];
  if (!routable || plan === undefined || container === undefined) return;
  const { address, ports } = container.info();
  context.routes.put({
    processGuid: identity.processGuid,
    instanceGuid: identity.guid,
    index: identity.index,
    logGuid: plan.identity.logGuid,
    address,
    ports,
    routes: plan.routes,
    metricTags: plan.metricTags,
    zone: context.zone,
  });
};

export const isServing = ({ vessel, leaving }: LrpInstance): boolean =>
  vessel.state() === 'running' && leaving === undefined;

/** The BBS has given it to this container, which has not ended and is not to. */
export const isThere = ({ vessel, leaving }: LrpInstance): boolean =>
  leaving === undefined && vessel.state() !== 'reserved' && vessel.state() !== 'completed';

/** Tells the BBS how it is: what does not run yet is claimed again; on a cell that drains, that it is there still. */
export const reportState = ({ context, reporter, vessel }: LrpInstance): void =>
  reporter.set(lrpReport({ state: vessel.state() }, context.evacuating()));

/**
 * Takes the instance into the routers' pools or out of them, and tells the BBS. What is ready before it is healthy
 * is neither routed nor told of until it runs.
 */
export const setRoutable = (lrp: LrpInstance, routable: boolean): void => {
  if (lrp.leaving !== undefined) return;
  lrp.routable = routable;
  if (lrp.vessel.state() !== 'running') return;
  if (routable) register(lrp);
  else void lrp.context.routes.remove(lrp.identity.guid);
  reportState(lrp);
};

/** Design §8.8: no router may know the instance when it is told to end. */
export const leaveTraffic = async (lrp: LrpInstance, cause: StopCause): Promise<void> => {
  const { context, identity, vessel } = lrp;
  const registered = context.routes.isRegistered(identity.guid);
  lrp.routable = false;
  // an unwanted instance has no row, and telling of it would make one; so may one that was told to stop long ago
  if ((cause === 'requested' || cause === 'withdrawn') && vessel.state() === 'running') reportState(lrp);
  await context.routes.remove(identity.guid);
  if (registered) await pause(context.clock, context.times.inFlightGraceMs, vessel.detached);
};
