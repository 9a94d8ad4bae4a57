import { err, ok } from '../../common/model/result.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { ActualLrpKey } from '../../common/model/lrp.js';
import type { ActualLrpApi } from '../client.js';
import { claim, crash, fail, remove, retire, start } from '../core/actual-lrps.js';
import type { Context, Decided } from '../core/decision.js';
import {
  evacuateClaimed,
  evacuateCrashed,
  evacuateRunning,
  evacuateStopped,
  removeEvacuating,
} from '../core/evacuation.js';
import type { Slot } from '../core/rows.js';
import { checkTransition, claimProblems, invalidRequest, slotProblems } from '../core/validation.js';
import type { TransitionParts } from '../core/validation.js';
import type { PendingTables } from '../store/schema.js';
import type { BoardParts } from './board.js';
import { actualLrpsIn, runningInstances, slotAt } from './rows.js';
import type { Transactions } from './transactions.js';

type Request = TransitionParts & { key: ActualLrpKey };

type Decide<T> = (slot: Slot, ctx: Context, tables: PendingTables) => Decided<T>;

interface Ask {
  /** of the request, in the log */
  name: string;
  traceId: string;
}

/** Decides on the slot of a request, unless there is something wrong with it. */
type OnSlot = <T>(
  ask: Ask,
  request: Request & { invalid?: BbsError | undefined },
  decide: Decide<T>,
) => Promise<BbsResult<T>>;

const createOnSlot =
  (transactions: Transactions): OnSlot =>
  async (ask, request, decide) => {
    const invalid = 'invalid' in request ? request.invalid : checkTransition(request);
    if (invalid) return err(invalid);
    return transactions.run(ask.name, ask.traceId, (tables, ctx) =>
      decide(slotAt(tables, request.key), ctx, tables),
    );
  };

type EvacuationApi = Pick<
  ActualLrpApi,
  | 'evacuateClaimedActualLrp'
  | 'evacuateRunningActualLrp'
  | 'evacuateStoppedActualLrp'
  | 'evacuateCrashedActualLrp'
  | 'removeEvacuatingActualLrp'
>;

const createEvacuationApi = (onSlot: OnSlot): EvacuationApi => ({
  evacuateClaimedActualLrp: (request, traceId) =>
    onSlot({ name: 'evacuate-claimed-actual-lrp', traceId }, request, (slot, ctx) =>
      evacuateClaimed(slot, request, ctx),
    ),
  evacuateRunningActualLrp: (request, traceId) =>
    onSlot({ name: 'evacuate-running-actual-lrp', traceId }, request, (slot, ctx, tables) => {
      const running = () => runningInstances(tables, request.key.processGuid);
      return evacuateRunning(slot, { request, runningInstances: running }, ctx);
    }),
  evacuateStoppedActualLrp: (request, traceId) =>
    onSlot({ name: 'evacuate-stopped-actual-lrp', traceId }, request, (slot, ctx) =>
      evacuateStopped(slot, request, ctx),
    ),
  evacuateCrashedActualLrp: (request, traceId) =>
    onSlot(
      { name: 'evacuate-crashed-actual-lrp', traceId },
      { ...request, errorMessage: request.reason },
      (slot, ctx) => evacuateCrashed(slot, request, ctx),
    ),
  removeEvacuatingActualLrp: (request, traceId) =>
    onSlot({ name: 'remove-evacuating-actual-lrp', traceId }, request, (slot, ctx) =>
      removeEvacuating(slot, request, ctx),
    ),
});

export const createActualLrpApi = ({ transactions, store, presence }: BoardParts): ActualLrpApi => {
  const onSlot = createOnSlot(transactions);
  return {
    actualLrps: async (filter) => ok(actualLrpsIn(store.committed, filter)),
    claimActualLrp(request, traceId) {
      const invalid = invalidRequest(claimProblems({ ...request.key, ...request }));
      return onSlot({ name: 'claim-actual-lrp', traceId }, { ...request, invalid }, (slot, ctx) =>
        claim(slot, request, ctx),
      );
    },
    startActualLrp: (request, traceId) =>
      onSlot({ name: 'start-actual-lrp', traceId }, request, (slot, ctx) => start(slot, request, ctx)),
    crashActualLrp: (request, traceId) =>
      onSlot({ name: 'crash-actual-lrp', traceId }, request, (slot, ctx) => crash(slot, request, ctx)),
    failActualLrp: (key, placementError, traceId) =>
      onSlot({ name: 'fail-actual-lrp', traceId }, { key, errorMessage: placementError }, (slot, ctx) =>
        fail(slot, { placementError }, ctx),
      ),
    removeActualLrp(request, traceId) {
      const invalid = invalidRequest(slotProblems(request.key));
      return onSlot({ name: 'remove-actual-lrp', traceId }, { ...request, invalid }, (slot, ctx) =>
        remove(slot, request, ctx),
      );
    },
    retireActualLrp: (key, traceId) =>
      onSlot({ name: 'retire-actual-lrp', traceId }, { key }, (slot, ctx) => retire(slot, presence, ctx)),
    ...createEvacuationApi(onSlot),
  };
};
