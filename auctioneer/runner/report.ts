import type { ActualLrpApi, TaskApi } from '../../bbs/index.js';
import type { Logger } from '../../common/ports/logger.js';
import { auctionId } from '../core/auction.js';
import type { Failure } from '../core/decide.js';
import { explainFailure } from '../core/explain.js';

export interface ReporterOptions {
  bbs: Pick<ActualLrpApi, 'failActualLrp'> & Pick<TaskApi, 'rejectTask'>;
  logger: Logger;
}

export interface Reporter {
  report(failures: readonly Failure[], traceId: string): Promise<void>;
  /** why this instance or task had no place the last time; undefined when that is not known */
  explanation(id: string): string | undefined;
}

/** Explanations kept; the oldest go first. */
const MAX_EXPLANATIONS = 10_000;

/** Tells the BBS what found no place. The BBS keeps Diego's texts; what is more is kept here, to be asked for. */
export const createReporter = ({ bbs, logger }: ReporterOptions): Reporter => {
  const explanations = new Map<string, string>();

  const remember = (failure: Failure): void => {
    const id = auctionId(failure.auction);
    explanations.delete(id);
    explanations.set(id, explainFailure(failure));
    const oldest = explanations.keys().next();
    if (explanations.size > MAX_EXPLANATIONS && !oldest.done) explanations.delete(oldest.value);
  };

  const tell = async (failure: Failure, traceId: string): Promise<void> => {
    const { auction, reason } = failure;
    remember(failure);
    const answer =
      auction.kind === 'lrp'
        ? await bbs.failActualLrp(
            {
              processGuid: auction.request.processGuid,
              index: auction.index,
              domain: auction.request.domain,
            },
            reason,
            traceId,
          )
        : await bbs.rejectTask(auction.request.taskGuid, reason, traceId, {
            placementId: auction.placementId,
          });
    logger.info(auction.kind === 'lrp' ? 'lrp-auction-failed' : 'task-auction-failed', {
      id: auctionId(auction),
      reason,
      traceId,
      ...(answer.ok ? {} : { bbsError: answer.error }),
    });
  };

  return {
    explanation: (id) => explanations.get(id),
    async report(failures, traceId) {
      await Promise.all(failures.map((failure) => tell(failure, traceId)));
    },
  };
};
