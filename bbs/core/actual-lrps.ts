import type {
  ActualLrp,
  ActualLrpInstanceKey,
  ActualLrpInternalRoute,
  ActualLrpKey,
  ActualLrpNetInfo,
  ActualLrpState,
} from '../../common/model/lrp.js';
import { nextCrashCount, restartsAtOnce } from './crash-policy.js';
import { nothing, refused } from './decision.js';
import type { Context, Decided } from './decision.js';
import { changed, emptyNetInfo, givenUp, hasInstance, keyOf, newUnclaimed, sameInstance } from './rows.js';
import type { Slot } from './rows.js';
import { sameMap, sameNetInfo, sameRoutes } from './same.js';
import { addRow, changeRow, closeSlot, openSlot, removeRow, tellCrash } from './slot-draft.js';
import type { SlotDraft } from './slot-draft.js';
import { truncated } from './text.js';

interface Wanted {
  key?: ActualLrpKey;
  instanceKey: ActualLrpInstanceKey;
  state: ActualLrpState;
}

/** Diego's table of transitions of the ORDINARY row (behaviour sheet §1.2). */
export const allowsTransition = (row: ActualLrp, { key, instanceKey, state }: Wanted): boolean => {
  if (key && (key.processGuid !== row.processGuid || key.index !== row.index || key.domain !== row.domain)) {
    return false;
  }
  const same = sameInstance(row, instanceKey);
  switch (row.state) {
    case 'UNCLAIMED':
      return state !== 'CRASHED';
    case 'CLAIMED':
      if (state === 'RUNNING') return true;
      return state === 'UNCLAIMED' ? !hasInstance(instanceKey) : same;
    case 'RUNNING':
      return state === 'UNCLAIMED' ? !hasInstance(instanceKey) : same;
    case 'CRASHED':
      if (state === 'CRASHED') return false;
      return state === 'UNCLAIMED' ? !hasInstance(instanceKey) : same;
  }
};

const close = (draft: SlotDraft): Decided => closeSlot(draft, undefined);

const isSuspect = (slot: Slot, instanceKey: ActualLrpInstanceKey): boolean =>
  slot.suspect !== undefined && sameInstance(slot.suspect, instanceKey);

export const claim = (
  slot: Slot,
  { instanceKey }: { instanceKey: ActualLrpInstanceKey },
  ctx: Context,
): Decided => {
  const before = slot.ordinary;
  if (isSuspect(slot, instanceKey)) return nothing();
  if (!before) return refused('ResourceNotFound');
  if (before.state === 'CLAIMED' && sameInstance(before, instanceKey)) return nothing();
  if (!allowsTransition(before, { instanceKey, state: 'CLAIMED' }))
    return refused('ActualLRPCannotBeClaimed');
  const draft = openSlot(slot);
  const after = changed(before, {
    ...emptyNetInfo(),
    ...instanceKey,
    state: 'CLAIMED',
    since: ctx.now,
    placementError: '',
  });
  changeRow(draft, before, after, ctx);
  return close(draft);
};

export interface StartRequest {
  key: ActualLrpKey;
  instanceKey: ActualLrpInstanceKey;
  netInfo: ActualLrpNetInfo;
  internalRoutes: ActualLrpInternalRoute[];
  metricTags: Record<string, string>;
  routable?: boolean;
  availabilityZone: string;
}

/** What a start says of its row. */
export const running = (request: StartRequest, now: number): Partial<ActualLrp> => ({
  ...request.instanceKey,
  ...request.netInfo,
  state: 'RUNNING',
  since: now,
  placementError: '',
  internalRoutes: request.internalRoutes,
  metricTags: request.metricTags,
  routable: request.routable ?? true,
  availabilityZone: request.availabilityZone,
});

export const alreadyRuns = (row: ActualLrp, request: StartRequest): boolean =>
  row.state === 'RUNNING' &&
  sameInstance(row, request.instanceKey) &&
  row.domain === request.key.domain &&
  sameNetInfo(row, request.netInfo) &&
  sameRoutes(row.internalRoutes, request.internalRoutes) &&
  sameMap(row.metricTags, request.metricTags) &&
  (row.routable ?? true) === (request.routable ?? true) &&
  row.availabilityZone === request.availabilityZone;

const canRun = (row: ActualLrp, { key, instanceKey }: StartRequest): boolean =>
  allowsTransition(row, { key, instanceKey, state: 'RUNNING' });

/** The ordinary row runs; copies on draining or vanished cells are replaced by it. */
export const start = (slot: Slot, request: StartRequest, ctx: Context): Decided => {
  if (isSuspect(slot, request.instanceKey)) return nothing();
  const before = slot.ordinary;
  const draft = openSlot(slot);
  if (!before) {
    addRow(draft, { ...newUnclaimed(request.key, ctx), ...running(request, ctx.now) }, ctx);
  } else if (!alreadyRuns(before, request)) {
    if (!canRun(before, request)) return refused('ActualLRPCannotBeStarted');
    changeRow(draft, before, changed(before, running(request, ctx.now)), ctx);
  }
  if (slot.evacuating) removeRow(draft, slot.evacuating, ctx);
  if (slot.suspect) removeRow(draft, slot.suspect, ctx);
  return close(draft);
};

export interface CrashRequest {
  key: ActualLrpKey;
  instanceKey: ActualLrpInstanceKey;
  reason: string;
}

/** The row as a crash leaves it: UNCLAIMED while restarts follow at once, then CRASHED. */
export const crashed = (row: ActualLrp, reason: string, ctx: Context): ActualLrp => {
  const crashCount = nextCrashCount(row, ctx.now);
  const state = restartsAtOnce(crashCount) ? 'UNCLAIMED' : 'CRASHED';
  return { ...givenUp(row, ctx), state, crashCount, crashReason: truncated(reason) };
};

/** Counted by the crash policy; the first restarts follow at once. A suspect that crashed is only forgotten. */
export const crash = (slot: Slot, { key, instanceKey, reason }: CrashRequest, ctx: Context): Decided => {
  const draft = openSlot(slot);
  if (slot.suspect && isSuspect(slot, instanceKey)) {
    removeRow(draft, slot.suspect, ctx);
    return close(draft);
  }
  const before = slot.ordinary;
  if (!before) return refused('ResourceNotFound');
  if (!allowsTransition(before, { key, instanceKey, state: 'CRASHED' })) {
    return refused('ActualLRPCannotBeCrashed');
  }
  const after = crashed(before, reason, ctx);
  draft.wanted = after.state === 'UNCLAIMED';
  tellCrash(draft, before, after, ctx);
  changeRow(draft, before, after, ctx);
  return close(draft);
};

/** The auction found no place. `since` moves, so that the next request comes a stale period later. */
export const fail = (slot: Slot, { placementError }: { placementError: string }, ctx: Context): Decided => {
  const before = slot.ordinary;
  if (!before) return refused('ResourceNotFound');
  if (before.state !== 'UNCLAIMED') return refused('ActualLRPCannotBeFailed');
  const draft = openSlot(slot);
  const after = changed(before, { placementError: truncated(placementError), since: ctx.now });
  changeRow(draft, before, after, ctx);
  return close(draft);
};

/** The row is gone, or is going; where its index is still desired another is made soon. */
export const convergeDesired = (draft: SlotDraft, { processGuid, index }: ActualLrp): void => {
  const { desired } = draft.slot;
  if (desired && index < desired.instances) draft.effects.push({ kind: 'converge', processGuid, index });
};

/** The rep says that its container is gone. Without an instance key whatever row there is. */
export const remove = (
  slot: Slot,
  { instanceKey }: { instanceKey?: ActualLrpInstanceKey },
  ctx: Context,
): Decided => {
  const before = slot.ordinary;
  if (!before || (instanceKey && !sameInstance(before, instanceKey))) return refused('ResourceNotFound');
  const draft = openSlot(slot);
  removeRow(draft, before, ctx);
  convergeDesired(draft, before);
  return close(draft);
};

export interface Cells {
  /** true only when it is certain that the cell is gone; doubt counts as present */
  gone(cellId: string): boolean;
}

/** Removes what nobody runs, stops what runs; a row on a cell that is gone is removed too. */
export const retireRow = (draft: SlotDraft, row: ActualLrp, cells: Cells, ctx: Context): void => {
  if (row.state === 'UNCLAIMED' || row.state === 'CRASHED' || cells.gone(row.cellId)) {
    removeRow(draft, row, ctx);
    return;
  }
  const { cellId, instanceGuid } = row;
  draft.effects.push({ kind: 'stop', cellId, key: keyOf(row), instanceGuid });
};

/** Stops the slot's instance for good; while desired, another takes its place. */
export const retire = (slot: Slot, cells: Cells, ctx: Context): Decided => {
  const row = slot.ordinary ?? slot.suspect;
  if (!row) return refused('ResourceNotFound');
  const draft = openSlot(slot);
  if (row.presence === 'SUSPECT') removeRow(draft, row, ctx);
  else retireRow(draft, row, cells, ctx);
  if (draft.changes.length > 0) convergeDesired(draft, row);
  return close(draft);
};
