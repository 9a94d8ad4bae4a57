import { err } from '../../common/model/result.js';
import type { ActualLrp, DesiredLrp, DesiredLrpUpdate } from '../../common/model/lrp.js';
import type { BbsEvent } from '../../common/model/events.js';
import { lrpStart } from '../../common/model/starts.js';
import { retireRow } from './actual-lrps.js';
import type { Cells } from './actual-lrps.js';
import { decided, refused } from './decision.js';
import type { Change, Context, Decided, Effect } from './decision.js';
import { INTERNAL_ROUTER, updateEffect } from './metric-tags.js';
import { isPlaced, newUnclaimed } from './rows.js';
import type { Slot } from './rows.js';
import { sameMetricTags } from './same.js';
import { addRow, eventsOf, openSlot, removeRow } from './slot-draft.js';
import type { SlotDraft } from './slot-draft.js';
import { checkDesiredLrp, checkUpdate } from './validation.js';

/** A process: what is desired of it and all its rows. */
export interface Process {
  desired: DesiredLrp | undefined;
  rows: readonly ActualLrp[];
}

/** The rows of a process by index. */
export const slotsOf = ({ desired, rows }: Process): Map<number, Slot> => {
  const slots = new Map<number, Slot>();
  for (const row of rows) {
    let slot = slots.get(row.index);
    if (!slot) {
      slot = { desired, ordinary: undefined, suspect: undefined, evacuating: undefined };
      slots.set(row.index, slot);
    }
    if (row.presence === 'ORDINARY') slot.ordinary = row;
    else if (row.presence === 'SUSPECT') slot.suspect = row;
    else slot.evacuating = row;
  }
  return slots;
};

export const emptySlot = (desired: DesiredLrp | undefined): Slot => ({
  desired,
  ordinary: undefined,
  suspect: undefined,
  evacuating: undefined,
});

/** The parts of a decision over many slots, gathered. */
interface Gathering {
  changes: Change[];
  events: BbsEvent[];
  effects: Effect[];
  wanted: ActualLrp[];
}

export const gathering = (): Gathering => ({ changes: [], events: [], effects: [], wanted: [] });

export const gather = (into: Gathering, draft: SlotDraft): void => {
  into.changes.push(...draft.changes);
  into.events.push(...eventsOf(draft));
  into.effects.push(...draft.effects);
  if (draft.wanted && draft.slot.ordinary) into.wanted.push(draft.slot.ordinary);
};

/** Ends a gathering with one auction request for all wanted rows of the process. */
export const gathered = (desired: DesiredLrp | undefined, all: Gathering) => {
  const { changes, events, effects, wanted } = all;
  if (desired && wanted.length > 0) effects.push({ kind: 'auction-lrps', start: lrpStart(desired, wanted) });
  return { changes, events, effects };
};

/** Makes the rows that are missing below `desired.instances` and wants them auctioned. */
const createMissing = (desired: DesiredLrp, slots: Map<number, Slot>, all: Gathering, ctx: Context): void => {
  const { processGuid, domain } = desired;
  for (let index = 0; index < desired.instances; index += 1) {
    const slot = slots.get(index) ?? emptySlot(desired);
    if (slot.ordinary) continue;
    const draft = openSlot({ ...slot, desired });
    addRow(draft, newUnclaimed({ processGuid, index, domain }, ctx), ctx);
    draft.wanted = true;
    gather(all, draft);
  }
};

/** Removes or stops what a slot holds; what is on a draining cell is left to its rep. */
const retireSlot = (slot: Slot, cells: Cells, all: Gathering, ctx: Context): void => {
  const draft = openSlot(slot);
  if (slot.ordinary) retireRow(draft, slot.ordinary, cells, ctx);
  if (slot.suspect) removeRow(draft, slot.suspect, ctx);
  gather(all, draft);
};

/** `metricsGuid` and the tag `source_id` are one and the same; ports are a set. */
const normalized = (lrp: DesiredLrp): DesiredLrp => ({
  ...lrp,
  ports: [...new Set(lrp.ports)],
  metricsGuid: lrp.metricsGuid || (lrp.metricTags['source_id']?.static ?? ''),
});

export const desire = (process: Process, request: DesiredLrp, ctx: Context): Decided => {
  const invalid = checkDesiredLrp(request);
  if (invalid) return err(invalid);
  if (process.desired) return refused('ResourceExists');
  const desired = normalized({ ...request, modificationTag: { epoch: ctx.newGuid(), index: 0 } });
  const all = gathering();
  all.changes.push({ table: 'desired_lrps', put: desired });
  all.events.push({ kind: 'desired_lrp_created', traceId: ctx.traceId, desiredLrp: desired });
  createMissing(desired, slotsOf({ desired, rows: process.rows }), all, ctx);
  return decided(undefined, gathered(desired, all));
};

const applied = (before: DesiredLrp, update: DesiredLrpUpdate): DesiredLrp => {
  const { epoch, index } = before.modificationTag;
  // no tags at all is how "unchanged" looks on the wire (an empty proto map)
  const unchanged = (name: string, value: unknown): boolean =>
    value === undefined || (name === 'metricTags' && Object.keys(value as object).length === 0);
  const present = Object.entries(update).filter(([name, value]) => !unchanged(name, value));
  return normalized({
    ...before,
    ...(Object.fromEntries(present) as DesiredLrpUpdate),
    modificationTag: { epoch, index: index + 1 },
  });
};

/** Whether running instances must be told: their internal routes or metric tags are not what they were. */
const mustTell = (before: DesiredLrp, after: DesiredLrp): boolean =>
  before.routes[INTERNAL_ROUTER] !== after.routes[INTERNAL_ROUTER] ||
  !sameMetricTags(before.metricTags, after.metricTags);

interface UpdateRequest {
  update: DesiredLrpUpdate;
  cells: Cells;
}

/** Running containers stay as they are; only their number, routes, tags and annotation follow. */
export const update = (process: Process, request: UpdateRequest, ctx: Context): Decided => {
  const invalid = checkUpdate(request.update);
  if (invalid) return err(invalid);
  const before = process.desired;
  if (!before) return refused('ResourceNotFound');
  const after = applied(before, request.update);
  const slots = slotsOf({ desired: after, rows: process.rows });
  const all = gathering();
  all.changes.push({ table: 'desired_lrps', put: after });
  createMissing(after, slots, all, ctx);
  for (const [index, slot] of slots) {
    if (index >= after.instances) retireSlot(slot, request.cells, all, ctx);
  }
  // after those of its instances, as Diego tells it
  all.events.push({ kind: 'desired_lrp_changed', traceId: ctx.traceId, before, after });
  if (mustTell(before, after)) {
    const told = process.rows.filter((row) => row.presence !== 'EVACUATING' && isPlaced(row));
    all.effects.push(...told.map((row) => updateEffect(after, row)));
  }
  return decided(undefined, gathered(after, all));
};

export const removeDesired = (process: Process, cells: Cells, ctx: Context): Decided => {
  const { desired } = process;
  if (!desired) return refused('ResourceNotFound');
  const all = gathering();
  all.changes.push({ table: 'desired_lrps', remove: desired });
  all.events.push({ kind: 'desired_lrp_removed', traceId: ctx.traceId, desiredLrp: desired });
  for (const slot of slotsOf({ desired: undefined, rows: process.rows }).values()) {
    retireSlot(slot, cells, all, ctx);
  }
  return decided(undefined, gathered(undefined, all));
};
