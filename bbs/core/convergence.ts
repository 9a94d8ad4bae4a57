import type { ActualLrp, DesiredLrp, Nanoseconds } from '../../common/model/lrp.js';
import { retireRow } from './actual-lrps.js';
import type { Cells } from './actual-lrps.js';
import { isRestartable, timeSince } from './crash-policy.js';
import { decision } from './decision.js';
import type { Context, Decision } from './decision.js';
import { emptySlot, gather, gathered, gathering, slotsOf } from './desired-lrps.js';
import type { Process } from './desired-lrps.js';
import { internalRoutesOf, resolveMetricTags, updateEffect } from './metric-tags.js';
import { changed, givenUp, isPlaced, keyOf, newUnclaimed } from './rows.js';
import type { Slot } from './rows.js';
import { sameMap, sameRoutes } from './same.js';
import { addRow, changeRow, openSlot, removeRow } from './slot-draft.js';
import type { SlotDraft } from './slot-draft.js';

/** What convergence knows besides the rows. Presence and absence of a cell are both stated: in doubt neither holds. */
export interface World extends Cells {
  now: Nanoseconds;
  present(cellId: string): boolean;
  fresh(domain: string): boolean;
  /** ns after which an UNCLAIMED row is asked for again */
  stale: Nanoseconds;
}

interface Duty {
  (draft: SlotDraft, at: SlotContext): void;
}

interface SlotContext {
  index: number;
  /** the index is one that is desired */
  desired: DesiredLrp | undefined;
  world: World;
  ctx: Context;
}

/** 2: an old copy whose draining cell has gone */
const pruneEvacuating: Duty = (draft, { world, ctx }) => {
  const row = draft.slot.evacuating;
  if (row && world.gone(row.cellId)) removeRow(draft, row, ctx);
};

/** 11: a suspect nobody wants, 10: one whose replacement runs */
const removeSuspect: Duty = (draft, { desired, world, ctx }) => {
  const { suspect, ordinary } = draft.slot;
  if (!suspect) return;
  const replaced = ordinary?.state === 'RUNNING' && !world.gone(ordinary.cellId);
  if (!desired || replaced) removeRow(draft, suspect, ctx);
};

/** 9: the cell is back: the suspect is the slot's own again, its replacement goes */
const promoteSuspect: Duty = (draft, { world, ctx }) => {
  const { suspect, ordinary } = draft.slot;
  if (!suspect || !world.present(suspect.cellId)) return;
  if (ordinary) {
    removeRow(draft, ordinary, ctx);
    if (isPlaced(ordinary) && !world.gone(ordinary.cellId)) {
      const { cellId, instanceGuid } = ordinary;
      draft.effects.push({ kind: 'stop', cellId, key: keyOf(ordinary), instanceGuid });
    }
  }
  changeRow(draft, suspect, changed(suspect, { presence: 'ORDINARY' }), ctx);
};

/** 6 and 7: more than desired, or nothing desired at all; only where the desired set is known to be complete */
const retireExtra: Duty = (draft, { desired, world, ctx }) => {
  const row = draft.slot.ordinary;
  if (row && !desired && world.fresh(row.domain)) retireRow(draft, row, world, ctx);
};

/**
 * 8: the cell is gone: the copy there becomes suspect (its routes stay) and a replacement is sought.
 * A second loss in the same slot only gives up the replacement. Diego leaves that one to duty 3;
 * here it is asked for at once as well.
 */
const suspectLost: Duty = (draft, { desired, world, ctx }) => {
  const { ordinary, suspect } = draft.slot;
  if (!desired || !ordinary || !isPlaced(ordinary) || !world.gone(ordinary.cellId)) return;
  if (suspect) {
    changeRow(draft, ordinary, givenUp(ordinary, ctx), ctx);
  } else {
    changeRow(draft, ordinary, changed(ordinary, { presence: 'SUSPECT' }), ctx);
    addRow(draft, newUnclaimed(ordinary, ctx), ctx);
  }
  draft.wanted = true;
};

/** 4: back-off is over */
const restartCrashed: Duty = (draft, { desired, world, ctx }) => {
  const row = draft.slot.ordinary;
  if (!desired || row?.state !== 'CRASHED' || !isRestartable(row, world.now)) return;
  changeRow(draft, row, givenUp(row, ctx), ctx);
  draft.wanted = true;
};

/** 5: desired, and no row */
const createMissing: Duty = (draft, { index, desired, ctx }) => {
  if (!desired || draft.slot.ordinary) return;
  const { processGuid, domain } = desired;
  addRow(draft, newUnclaimed({ processGuid, index, domain }, ctx), ctx);
  draft.wanted = true;
};

/** 3: asked for long ago, and still no place */
const reauctionStale: Duty = (draft, { desired, world }) => {
  const row = draft.slot.ordinary;
  if (desired && row?.state === 'UNCLAIMED' && timeSince(row.since, world.now) > world.stale)
    draft.wanted = true;
};

const differs = (desired: DesiredLrp, row: ActualLrp): boolean =>
  !sameRoutes(row.internalRoutes, internalRoutesOf(desired.routes)) ||
  !sameMap(row.metricTags, resolveMetricTags(desired, row));

/** 12: a running instance carries other internal routes or metric tags than desired */
const updateRunning: Duty = (draft, { desired, world }) => {
  const row = draft.slot.ordinary;
  if (!desired || row?.state !== 'RUNNING' || world.gone(row.cellId)) return;
  if (differs(desired, row)) draft.effects.push(updateEffect(desired, row));
};

/** In this order: what is replaced or back is settled before anything is declared lost or missing. */
const DUTIES: readonly Duty[] = [
  pruneEvacuating,
  removeSuspect,
  promoteSuspect,
  retireExtra,
  suspectLost,
  restartCrashed,
  createMissing,
  reauctionStale,
  updateRunning,
];

const convergeSlot = (slot: Slot, at: SlotContext): SlotDraft => {
  const draft = openSlot(slot);
  for (const duty of DUTIES) duty(draft, at);
  return draft;
};

/**
 * Everything convergence does for one process (behaviour sheet §5, duties 2–12), so that a pass may go
 * over any number of processes in slices, and a lost cell may have its own processes done at once.
 */
export const convergeProcess = (process: Process, world: World, ctx: Context): Decision => {
  const { desired } = process;
  const slots = slotsOf(process);
  const all = gathering();
  const converge = (index: number, slot: Slot): void => {
    const wanted = desired && index < desired.instances ? desired : undefined;
    gather(all, convergeSlot(slot, { index, desired: wanted, world, ctx }));
  };
  for (let index = 0; index < (desired?.instances ?? 0); index += 1) {
    converge(index, slots.get(index) ?? emptySlot(desired));
  }
  for (const [index, slot] of slots) {
    if (index >= (desired?.instances ?? 0)) converge(index, slot);
  }
  return decision(undefined, gathered(desired, all));
};

/** A request for all rows of a process that have no place, because room appeared. */
export const reauctionProcess = ({ desired, rows }: Process): Decision => {
  const all = gathering();
  all.wanted = rows.filter(
    (row) => row.state === 'UNCLAIMED' && desired !== undefined && row.index < desired.instances,
  );
  return decision(undefined, gathered(desired, all));
};
