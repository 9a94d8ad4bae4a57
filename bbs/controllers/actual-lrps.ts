import { err, ok } from '../../common/model/result.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { ActualLrpInstanceKey, ActualLrpKey, ActualLrpNetInfo } from '../../common/model/lrp.js';
import type { ActualLrpApi } from '../client.js';
import { claim, crash, fail, remove, retire, start } from '../core/actual-lrps.js';
import type { Context, Decided } from '../core/decision.js';
import type { Slot } from '../core/rows.js';
import { checkSlotTransition, checkTransition, invalidRequest, required } from '../core/validation.js';
import type { BoardParts } from './board.js';
import { actualLrpsIn, slotAt } from './rows.js';

interface Request {
  key: ActualLrpKey;
  instanceKey?: ActualLrpInstanceKey;
  netInfo?: ActualLrpNetInfo;
}

export const createActualLrpApi = ({ transactions, store, presence }: BoardParts): ActualLrpApi => {
  /** Checks what the request carries, then decides on its slot. */
  const onSlot = async (
    name: string,
    request: Request & { traceId: string; invalid?: BbsError | undefined },
    decide: (slot: Slot, ctx: Context) => Decided,
  ): Promise<BbsResult<void>> => {
    const invalid = 'invalid' in request ? request.invalid : checkTransition(request);
    if (invalid) return err(invalid);
    return transactions.run(name, request.traceId, (tables, ctx) => decide(slotAt(tables, request.key), ctx));
  };

  return {
    actualLrps: async (filter) => ok(actualLrpsIn(store.committed, filter)),
    claimActualLrp: (request, traceId) =>
      onSlot(
        'claim-actual-lrp',
        { ...request, traceId, invalid: checkSlotTransition(request) },
        (slot, ctx) => claim(slot, request, ctx),
      ),
    startActualLrp: (request, traceId) =>
      onSlot('start-actual-lrp', { ...request, traceId }, (slot, ctx) => start(slot, request, ctx)),
    crashActualLrp: (request, traceId) =>
      onSlot('crash-actual-lrp', { ...request, traceId }, (slot, ctx) => crash(slot, request, ctx)),
    async failActualLrp(key, placementError, traceId) {
      const invalid = invalidRequest(required({ error_message: placementError }));
      if (invalid) return err(invalid);
      return onSlot('fail-actual-lrp', { key, traceId }, (slot, ctx) => fail(slot, { placementError }, ctx));
    },
    removeActualLrp: (request, traceId) =>
      onSlot(
        'remove-actual-lrp',
        { ...request, traceId, invalid: checkSlotTransition(request) },
        (slot, ctx) => remove(slot, request, ctx),
      ),
    retireActualLrp: (key, traceId) =>
      onSlot('retire-actual-lrp', { key, traceId }, (slot, ctx) => retire(slot, presence, ctx)),
  };
};
