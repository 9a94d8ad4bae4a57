import type { BbsEvent } from '../../common/model/events.js';
import type { ActualLrp, ActualLrpGroup, ActualLrpPresence } from '../../common/model/lrp.js';
import { hasInstance, sameInstance } from './rows.js';

/** The rows of one slot, by presence. */
export type SlotRows = { readonly [P in ActualLrpPresence]?: ActualLrp | undefined };

/** Diego's deprecated events of slots as a whole. */
export type GroupEvent =
  | { kind: 'actual_lrp_created'; actualLrpGroup: ActualLrpGroup }
  | { kind: 'actual_lrp_changed'; before: ActualLrpGroup; after: ActualLrpGroup }
  | { kind: 'actual_lrp_removed'; actualLrpGroup: ActualLrpGroup };

/** Events of desired and actual LRPs. */
export type LrpEvent = Exclude<BbsEvent, { kind: `task_${string}` | `cell_${string}` }>;
export type TaskEvent = Extract<BbsEvent, { kind: `task_${string}` }>;

/** The one row that stands for the slot's instance: a suspect copy until its replacement runs. */
export const instanceOf = ({ ORDINARY, SUSPECT }: SlotRows): ActualLrp | undefined =>
  ORDINARY?.state === 'RUNNING' ? ORDINARY : (SUSPECT ?? ORDINARY);

/** The slot as a group; without a row that is absent. */
export const groupOf = (rows: SlotRows): ActualLrpGroup => {
  const [instance, evacuating] = [instanceOf(rows), rows.EVACUATING];
  return { ...(instance && { instance }), ...(evacuating && { evacuating }) };
};

/** The row that a group is about: the instance if it runs or has crashed, else the copy on the draining cell. */
export const resolved = ({ instance, evacuating }: ActualLrpGroup): ActualLrp | undefined => {
  if (!evacuating) return instance;
  return instance?.state === 'RUNNING' || instance?.state === 'CRASHED' ? instance : evacuating;
};

/** One row alone, as most of Diego's group events show it. */
const alone = (row: ActualLrp): ActualLrpGroup => groupOf({ [row.presence]: row });

const created = (row: ActualLrp): GroupEvent => ({ kind: 'actual_lrp_created', actualLrpGroup: alone(row) });
const removed = (row: ActualLrp): GroupEvent => ({ kind: 'actual_lrp_removed', actualLrpGroup: alone(row) });

/** An instance that another one takes the place of was never the same. */
const isReplaced = (before: ActualLrp, after: ActualLrp): boolean =>
  (after.state === 'CLAIMED' || after.state === 'RUNNING') &&
  hasInstance(before) &&
  !sameInstance(before, after);

const rowEvents = (before: ActualLrp | undefined, after: ActualLrp | undefined): GroupEvent[] => {
  if (before === after) return [];
  if (!after) return before ? [removed(before)] : [];
  if (!before) return [created(after)];
  if (isReplaced(before, after)) return [created(after), removed(before)];
  return [{ kind: 'actual_lrp_changed', before: alone(before), after: alone(after) }];
};

const runs = (event: GroupEvent): boolean => {
  if (event.kind === 'actual_lrp_removed') return false;
  const group = event.kind === 'actual_lrp_created' ? event.actualLrpGroup : event.after;
  return resolved(group)?.state === 'RUNNING';
};

/** A crash shows the groups whole, unlike everything else. */
const crashEvents = (before: SlotRows, after: SlotRows): GroupEvent[] => {
  const [was, is] = [instanceOf(before), instanceOf(after)];
  if (!was || !is || was === is) return rowEvents(was, is);
  return [{ kind: 'actual_lrp_changed', before: groupOf(before), after: groupOf(after) }];
};

/**
 * What one transition of a slot is on Diego's group stream (bbs, events/calculator): the instance and the copy on a
 * draining cell each created, changed or removed; what runs now comes first, so that routability is gained before it is
 * lost. Rows that are the same object have not changed.
 */
export const groupEvents = (before: SlotRows, after: SlotRows, crashed: boolean): GroupEvent[] => {
  const instance = crashed ? crashEvents(before, after) : rowEvents(instanceOf(before), instanceOf(after));
  const all = [...instance, ...rowEvents(before.EVACUATING, after.EVACUATING)];
  return all.length < 2 ? all : all.sort((a, b) => Number(runs(b)) - Number(runs(a)));
};

/** Rows as the groups of their slots, in the order in which slots come first. */
export const groupsOf = (rows: readonly ActualLrp[]): ActualLrpGroup[] => {
  const slots = new Map<string, { -readonly [P in keyof SlotRows]: ActualLrp }>();
  for (const row of rows) {
    const slot = `${row.processGuid}/${row.index}`;
    const found = slots.get(slot);
    if (found) found[row.presence] = row;
    else slots.set(slot, { [row.presence]: row });
  }
  return [...slots.values()].map(groupOf);
};
