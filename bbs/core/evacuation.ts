import type { ActualLrp, ActualLrpInstanceKey } from '../../common/model/lrp.js';
import { allowsTransition, alreadyRuns, convergeDesired, crashed, running } from './actual-lrps.js';
import type { CrashRequest, StartRequest } from './actual-lrps.js';
import { decided, refused } from './decision.js';
import type { Context, Decided } from './decision.js';
import { changed, givenUp, newUnclaimed, sameInstance } from './rows.js';
import type { Slot } from './rows.js';
import { addRow, changeRow, closeSlot, openSlot, removeRow } from './slot-draft.js';
import type { SlotDraft } from './slot-draft.js';

/*
 * What a rep on a draining cell reports of its instances (behaviour sheet §7.2, §7.3). The answer says
 * whether the container is to be kept for now; when not, the rep deletes it at once.
 */

interface OfInstance {
  instanceKey: ActualLrpInstanceKey;
}

/** The instance's rows beside the slot's own: a copy that drains, or one whose cell had vanished. */
const copiesOf = ({ evacuating, suspect }: Slot, instanceKey: ActualLrpInstanceKey): ActualLrp[] =>
  [evacuating, suspect].flatMap((row) => (row && sameInstance(row, instanceKey) ? [row] : []));

/** The container goes, and with it every copy of it that is not the slot's own row. */
const dropCopies = (slot: Slot, instanceKey: ActualLrpInstanceKey, ctx: Context): SlotDraft => {
  const draft = openSlot(slot);
  for (const copy of copiesOf(slot, instanceKey)) removeRow(draft, copy, ctx);
  return draft;
};

/** Drops copies, and hands the slot's own row to `decide`; whoever has neither is unknown. */
const onInstance = (
  slot: Slot,
  { instanceKey }: OfInstance,
  ctx: Context,
  decide: (draft: SlotDraft, ordinary: ActualLrp) => Decided<boolean>,
): Decided<boolean> => {
  const draft = dropCopies(slot, instanceKey, ctx);
  const { ordinary } = slot;
  if (ordinary && sameInstance(ordinary, instanceKey)) return decide(draft, ordinary);
  return draft.changes.length > 0 ? closeSlot(draft, false) : refused('ResourceNotFound');
};

/** Not started yet: another cell is asked for at once. */
export const evacuateClaimed = (slot: Slot, request: OfInstance, ctx: Context): Decided<boolean> =>
  onInstance(slot, request, ctx, (draft, ordinary) => {
    draft.wanted = true;
    changeRow(draft, ordinary, givenUp(ordinary, ctx), ctx);
    return closeSlot(draft, false);
  });

/** Counted as any crash, but told as a change only, and left to convergence to ask for again, as at Diego. */
export const evacuateCrashed = (slot: Slot, request: CrashRequest, ctx: Context): Decided<boolean> =>
  onInstance(slot, request, ctx, (draft, ordinary) => {
    if (!allowsTransition(ordinary, { ...request, state: 'CRASHED' })) {
      return refused('ActualLRPCannotBeCrashed');
    }
    changeRow(draft, ordinary, crashed(ordinary, request.reason, ctx), ctx);
    return closeSlot(draft, false);
  });

/** Its container has ended as it was told to. */
export const evacuateStopped = (slot: Slot, request: OfInstance, ctx: Context): Decided<boolean> =>
  onInstance(slot, request, ctx, (draft, ordinary) => {
    removeRow(draft, ordinary, ctx);
    convergeDesired(draft, ordinary);
    return closeSlot(draft, false);
  });

/** The time to drain is over: the copy is forgotten, whether its replacement runs or not. */
export const removeEvacuating = (slot: Slot, { instanceKey }: OfInstance, ctx: Context): Decided => {
  const { evacuating } = slot;
  if (!evacuating || !sameInstance(evacuating, instanceKey)) return refused('ResourceNotFound');
  const draft = openSlot(slot);
  removeRow(draft, evacuating, ctx);
  return closeSlot(draft, undefined);
};

/** A row of its own, with an epoch of its own; only what runs has one. */
const evacuatingRow = (request: StartRequest, ctx: Context): ActualLrp => ({
  ...newUnclaimed(request.key, ctx),
  ...running(request, ctx.now),
  presence: 'EVACUATING',
});

/** The copy of `from` that drains from now on; one of another instance that was there gives way. */
const drain = (draft: SlotDraft, from: ActualLrp, request: StartRequest, ctx: Context): void => {
  const { evacuating } = draft.slot;
  if (evacuating) removeRow(draft, evacuating, ctx);
  changeRow(draft, from, evacuatingRow(request, ctx), ctx);
};

/** The slot's own instance: it runs on as a copy until its replacement does. */
const makeWay = (slot: Slot, ordinary: ActualLrp, request: StartRequest, ctx: Context): Decided<boolean> => {
  const draft = openSlot(slot);
  drain(draft, ordinary, request, ctx);
  addRow(draft, givenUp(ordinary, ctx), ctx);
  draft.wanted = true;
  return closeSlot(draft, true);
};

/**
 * The slot's own instance where the new one may only start when the old one is gone: one instance at a
 * time, so only while nothing else is missing. One that was only claimed is noted as running meanwhile,
 * since its rep says so; else it would be missing for as long as it drains.
 */
const giveWay = (slot: Slot, ordinary: ActualLrp, at: RunningEvacuation, ctx: Context): Decided<boolean> => {
  const draft = openSlot(slot);
  if (at.runningInstances() >= (slot.desired?.instances ?? 0)) {
    changeRow(draft, ordinary, givenUp(ordinary, ctx), ctx);
    draft.wanted = true;
    return closeSlot(draft, false);
  }
  if (ordinary.state === 'CLAIMED') {
    changeRow(draft, ordinary, changed(ordinary, running(at.request, ctx.now)), ctx);
  }
  return closeSlot(draft, true);
};

/** A copy, or an instance that nobody knows, while the slot's own one does not run: it goes on draining. */
const keepDraining = (slot: Slot, request: StartRequest, ctx: Context): Decided<boolean> => {
  const draft = openSlot(slot);
  const { evacuating, suspect } = slot;
  if (suspect && sameInstance(suspect, request.instanceKey)) drain(draft, suspect, request, ctx);
  else if (!evacuating) addRow(draft, evacuatingRow(request, ctx), ctx);
  else if (!sameInstance(evacuating, request.instanceKey)) return decided(false);
  else if (!alreadyRuns(evacuating, request)) {
    changeRow(draft, evacuating, changed(evacuating, running(request, ctx.now)), ctx);
  }
  return closeSlot(draft, true);
};

export interface RunningEvacuation {
  request: StartRequest;
  /** how many ordinary rows of the process are RUNNING; asked for only where it matters */
  runningInstances(): number;
}

/** It runs: kept until its replacement runs elsewhere, or where it must be gone first, until it may go. */
export const evacuateRunning = (slot: Slot, at: RunningEvacuation, ctx: Context): Decided<boolean> => {
  const { request } = at;
  const { ordinary, desired } = slot;
  const recreates = desired?.updateStrategy === 'RECREATE';
  if (ordinary && sameInstance(ordinary, request.instanceKey)) {
    return recreates ? giveWay(slot, ordinary, at, ctx) : makeWay(slot, ordinary, request, ctx);
  }
  const isReplaced = !ordinary || ordinary.state === 'RUNNING' || ordinary.state === 'CRASHED';
  if (isReplaced || recreates) return closeSlot(dropCopies(slot, request.instanceKey, ctx), false);
  return keepDraining(slot, request, ctx);
};
