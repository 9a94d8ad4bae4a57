import type { ActualLrp, DesiredLrp, Nanoseconds } from '../../common/model/lrp.js';
import { retireRow } from './actual-lrps.js';
import type { Cells } from './actual-lrps.js';
import { isRestartable, timeSince } from './crash-policy.js';
import { decision } from './decision.js';
import type { Context, Decision } from './decision.js';
import { emptySlot, gather, gathered, gathering, slotsOf } from './desired-lrps.js';
import type { Process } from './desired-lrps.js';
import { carries, expectationOf, updateEffect } from './metric-tags.js';
import type { Expectation } from './metric-tags.js';
import { changed, givenUp, isPlaced, keyOf, newUnclaimed } from './rows.js';
import type { Slot } from './rows.js';
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
  /** of the process's running instances; undefined when it is not desired at all */
  expected: Expectation | undefined;
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

/** 12: a running instance carries other internal routes or metric tags than desired */
const updateRunning: Duty = (draft, { desired, expected, world }) => {
  const row = draft.slot.ordinary;
  if (!desired || !expected || row?.state !== 'RUNNING' || world.gone(row.cellId)) return;
  if (!carries(row, expected)) draft.effects.push(updateEffect(desired, row));
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
 * As it should be, on a cell that is not known to be gone: nothing is to be done until something changes. A cell of which
 * nothing is known yet may turn out to be gone; whatever is there is then looked at anew.
 */
const isSettledRow = (row: ActualLrp, expected: Expectation, world: World): boolean =>
  isPlaced(row) && !world.gone(row.cellId) && (row.state !== 'RUNNING' || carries(row, expected));

const isSettledSlot = ({ ordinary, suspect, evacuating }: Slot, at: SlotContext): boolean => {
  if (suspect || evacuating) return false;
  if (!ordinary || !at.expected) return !ordinary && !at.desired;
  return at.desired !== undefined && isSettledRow(ordinary, at.expected, at.world);
};

/** The same for a whole process, which is most of what there is: nothing is made for it. */
const isSettledProcess = ({ desired, rows }: Process, world: World): boolean => {
  if (!desired) return rows.length === 0;
  if (rows.length !== desired.instances) return false;
  const expected = expectationOf(desired);
  return rows.every(
    (row) =>
      row.presence === 'ORDINARY' && row.index < desired.instances && isSettledRow(row, expected, world),
  );
};

/** What was wrong, and what is to be looked at again. */
export interface Converged {
  /** desired, and no row */
  missing: number;
  /** a row that nobody desires, where the desired set is known to be complete */
  extra: number;
  /** indices of slots for which something was done, or will be when time has passed */
  open: number[];
}

interface Slots {
  desired: DesiredLrp | undefined;
  slots: Iterable<readonly [index: number, slot: Slot]>;
}

/**
 * Everything convergence does for slots of one process (behaviour sheet §5, duties 2–12), so that a pass may
 * go over any number of them in slices, and a lost cell may have its own ones done at once.
 */
export const convergeSlots = ({ desired, slots }: Slots, world: World, ctx: Context): Decision<Converged> => {
  const all = gathering();
  const converged: Converged = { missing: 0, extra: 0, open: [] };
  const expected = desired && expectationOf(desired);
  for (const [index, slot] of slots) {
    const wanted = desired && index < desired.instances ? desired : undefined;
    const at: SlotContext = { index, desired: wanted, expected, world, ctx };
    if (isSettledSlot(slot, at)) continue;
    converged.open.push(index);
    if (wanted && !slot.ordinary) converged.missing += 1;
    if (!wanted && slot.ordinary && world.fresh(slot.ordinary.domain)) converged.extra += 1;
    gather(all, convergeSlot(slot, at));
  }
  return decision(converged, gathered(desired, all));
};

/** Every slot of a process: the desired ones and those beyond that have rows. */
const allSlots = function* (process: Process): Generator<readonly [number, Slot]> {
  const { desired } = process;
  const instances = desired?.instances ?? 0;
  const slots = slotsOf(process);
  for (let index = 0; index < instances; index += 1) yield [index, slots.get(index) ?? emptySlot(desired)];
  for (const [index, slot] of slots) if (index >= instances) yield [index, slot];
};

/** One for all: there are many, and nobody changes a decision. */
const SETTLED: Decision<Converged> = decision({ missing: 0, extra: 0, open: [] });

export const convergeProcess = (process: Process, world: World, ctx: Context): Decision<Converged> =>
  isSettledProcess(process, world)
    ? SETTLED
    : convergeSlots({ desired: process.desired, slots: allSlots(process) }, world, ctx);

/** A request for those of a process's rows that have no place, because room appeared. */
export const reauctionRows = ({ desired, rows }: Process): Decision => {
  const all = gathering();
  all.wanted = rows.filter(
    (row) => row.state === 'UNCLAIMED' && desired !== undefined && row.index < desired.instances,
  );
  return decision(undefined, gathered(desired, all));
};
