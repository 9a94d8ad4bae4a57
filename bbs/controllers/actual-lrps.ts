import { err, ok } from '../../common/model/result.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { ActualLrpKey } from '../../common/model/lrp.js';
import type { ActualLrpApi } from '../client.js';
import { claim, crash, fail, remove, retire, start } from '../core/actual-lrps.js';
import type { Context, Decided } from '../core/decision.js';
import type { Slot } from '../core/rows.js';
import { checkTransition, claimProblems, invalidRequest, slotProblems } from '../core/validation.js';
import type { TransitionParts } from '../core/validation.js';
import type { BoardParts } from './board.js';
import { actualLrpsIn, slotAt } from './rows.js';

export const createActualLrpApi = ({ transactions, store, presence }: BoardParts): ActualLrpApi => {
  /** Decides on the slot that a request names, unless something is wrong with the request. */
  const onSlot = async (
    name: string,
    request: { key: ActualLrpKey; traceId: string; invalid: BbsError | undefined },
    decide: (slot: Slot, ctx: Context) => Decided,
  ): Promise<BbsResult<void>> => {
    const { key, traceId, invalid } = request;
    if (invalid) return err(invalid);
    return transactions.run(name, traceId, (tables, ctx) => decide(slotAt(tables, key), ctx));
  };
  const checked = <R extends TransitionParts & { key: ActualLrpKey }>(request: R, traceId: string) => ({
    key: request.key,
    traceId,
    invalid: checkTransition(request),
  });

  return {
    actualLrps: async (filter) => ok(actualLrpsIn(store.committed, filter)),
    claimActualLrp({ key, instanceKey }, traceId) {
      const invalid = invalidRequest(claimProblems({ ...key, instanceKey }));
      return onSlot('claim-actual-lrp', { key, traceId, invalid }, (slot, ctx) =>
        claim(slot, { instanceKey }, ctx),
      );
    },
    startActualLrp: (request, traceId) =>
      onSlot('start-actual-lrp', checked(request, traceId), (slot, ctx) => start(slot, request, ctx)),
    crashActualLrp: (request, traceId) =>
      onSlot('crash-actual-lrp', checked(request, traceId), (slot, ctx) => crash(slot, request, ctx)),
    failActualLrp: (key, placementError, traceId) =>
      onSlot('fail-actual-lrp', checked({ key, errorMessage: placementError }, traceId), (slot, ctx) =>
        fail(slot, { placementError }, ctx),
      ),
    removeActualLrp(request, traceId) {
      const { key } = request;
      const invalid = invalidRequest(slotProblems(key));
      return onSlot('remove-actual-lrp', { key, traceId, invalid }, (slot, ctx) =>
        remove(slot, request, ctx),
      );
    },
    retireActualLrp: (key, traceId) =>
      onSlot('retire-actual-lrp', checked({ key }, traceId), (slot, ctx) => retire(slot, presence, ctx)),
  };
};
