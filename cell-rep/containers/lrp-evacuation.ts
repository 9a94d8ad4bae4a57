import type { BbsResult } from '../../common/model/bbs-error.js';
import { containerTexts } from '../core/exit-texts.js';
import type { LrpReport, ReportAnswer, RunOutcome, StopCause } from '../core/life-cycle.js';
import { lrpReport } from '../core/life-cycle.js';
import type { LrpInstance } from './lrp-parts.js';
import { reportState, startMessage } from './lrp-parts.js';

/** Sends one report of an instance; of `evacuate-*` the BBS says whether the container is to be kept. */
export const sendReport = (lrp: LrpInstance, report: LrpReport): Promise<ReportAnswer> => {
  const { context, traceId, transition } = lrp;
  const { bbs } = context;
  switch (report.call) {
    case 'claim':
      return bbs.claimActualLrp(transition, traceId);
    case 'start':
      return bbs.startActualLrp(startMessage(lrp), traceId);
    case 'remove':
      return bbs.removeActualLrp(transition, traceId);
    case 'crash':
      return bbs.crashActualLrp({ ...transition, reason: report.reason }, traceId);
    case 'evacuate-claimed':
      return bbs.evacuateClaimedActualLrp(transition, traceId);
    case 'evacuate-running':
      return bbs.evacuateRunningActualLrp(startMessage(lrp), traceId);
    case 'evacuate-stopped':
      return bbs.evacuateStoppedActualLrp(transition, traceId);
    case 'evacuate-crashed':
      return bbs.evacuateCrashedActualLrp({ ...transition, reason: report.reason }, traceId);
  }
};

/** What the BBS is told last of an instance; undefined when it has let go of it before. */
export const lastReport = (lrp: LrpInstance, outcome: RunOutcome): LrpReport | undefined => {
  if (lrp.released) return undefined;
  const evacuating = lrp.context.evacuating();
  // what never ran is claimed at the BBS, whatever became of its container
  return lrp.evacuation === 'dismissed'
    ? lrpReport({ state: 'created' }, evacuating)
    : lrpReport({ state: 'completed', outcome }, evacuating);
};

const askForReplacement = (lrp: LrpInstance, evacuation: LrpInstance['evacuation'] & string): void => {
  if (lrp.evacuation !== undefined) return;
  lrp.evacuation = evacuation;
  const { context, identity, logger, vessel } = lrp;
  logger.info('evacuating', { state: vessel.state() });
  vessel.say(containerTexts(context.cellId, identity.guid).replacing);
};

/** Behaviour sheet §7.1: what runs stays until the BBS says that it may go, what does not run yet goes at once. */
export const evacuateLrp = (lrp: LrpInstance, stop: (cause: StopCause) => Promise<void>): void => {
  const state = lrp.vessel.state();
  if (lrp.leaving !== undefined || state === 'completed') return;
  if (state === 'running') {
    askForReplacement(lrp, 'draining');
    return reportState(lrp);
  }
  askForReplacement(lrp, 'dismissed');
  // while its claim is under way the slot cannot be given up: that is told when the claim was answered
  if (state !== 'reserved') lrp.reporter.set(lrpReport({ state }, true));
  void stop('evacuated');
};

/** The BBS forgets the copy, and its container goes. Whoever sent requests to it finds no instance there. */
export const strandLrp = async (
  lrp: LrpInstance,
  stop: (cause: StopCause) => Promise<void>,
): Promise<void> => {
  const { context, identity, logger, traceId, transition, vessel } = lrp;
  vessel.say(containerTexts(context.cellId, identity.guid).stranded);
  const gone = stop('shutdown');
  const removed: BbsResult<void> = await context.bbs.removeEvacuatingActualLrp(transition, traceId);
  if (!removed.ok) logger.info('evacuating-copy-not-removed', { error: removed.error });
  await gone;
};
