import type { ActualLrpApi, TaskApi } from '../../bbs/index.js';
import type { Logger } from '../../common/ports/logger.js';
import { auctionId } from '../core/auction.js';
import type { Failure } from '../core/decide.js';

export interface ReporterOptions {
  bbs: Pick<ActualLrpApi, 'failActualLrp'> & Pick<TaskApi, 'rejectTask'>;
  logger: Logger;
}

export interface Reporter {
  report(failures: readonly Failure[], traceId: string): Promise<void>;
}

/** Tells the BBS what found no place. The BBS keeps Diego's texts; what is more is recorded, to be asked for. */
export const createReporter = ({ bbs, logger }: ReporterOptions): Reporter => {
  const tell = async (failure: Failure, traceId: string): Promise<void> => {
    const { auction, reason } = failure;
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
    async report(failures, traceId) {
      await Promise.all(failures.map((failure) => tell(failure, traceId)));
    },
  };
};
