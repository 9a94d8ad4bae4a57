import type { Transition, TransitionAnswer, TransitionApi } from '../../bbs/index.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { Logger } from '../../common/ports/logger.js';
import { auctionId } from '../core/auction.js';
import type { Failure } from '../core/decide.js';
import { type Deferred, type Unplaced, deferralText } from '../core/outcomes.js';

export interface ReporterOptions {
  bbs: TransitionApi;
  logger: Logger;
}

export interface Reporter {
  report(unplaced: Unplaced, traceId: string): Promise<void>;
}

/** Failures in one request: texts of any length, and a request has a limit. */
const AT_ONCE = 250;

/** One that has no place; `deferred`: it waits, which is no rejection. */
interface Told extends Failure {
  deferred: boolean;
}

const toldOf = (deferral: Deferred): Told => ({
  ...deferral,
  reason: deferralText(deferral),
  deferred: true,
});

const transitionOf = ({ auction, reason, deferred }: Told): Transition => {
  if (auction.kind === 'task') {
    const { taskGuid } = auction.request;
    const of = { placementId: auction.placementId, ...(deferred && { deferred }) };
    return { kind: 'rejectTask', args: { taskGuid, reason, of } };
  }
  const { processGuid, domain } = auction.request;
  return {
    kind: 'fail',
    args: { key: { processGuid, index: auction.index, domain }, placementError: reason },
  };
};

/** Tells the BBS what found no place. The BBS keeps Diego's texts; what is more is recorded, to be asked for. */
export const createReporter = ({ bbs, logger }: ReporterOptions): Reporter => {
  const tell = (
    { auction, reason, deferred }: Told,
    answer: BbsResult<TransitionAnswer> | undefined,
    traceId: string,
  ): void =>
    logger.info(`${auction.kind}-auction-${deferred ? 'deferred' : 'failed'}`, {
      id: auctionId(auction),
      reason,
      traceId,
      ...(answer?.ok === false && { bbsError: answer.error }),
    });

  return {
    async report({ failed, deferred }, traceId) {
      const failures = [
        ...failed.map((failure) => ({ ...failure, deferred: false })),
        ...deferred.map(toldOf),
      ];
      for (let from = 0; from < failures.length; from += AT_ONCE) {
        const some = failures.slice(from, from + AT_ONCE);
        const answers = await bbs.transitions(some.map(transitionOf), traceId);
        some.forEach((failure, at) => tell(failure, answers.ok ? answers.value[at] : answers, traceId));
      }
    },
  };
};
