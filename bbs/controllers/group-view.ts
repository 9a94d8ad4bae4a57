import type { ActualLrp, ActualLrpPresence } from '../../common/model/lrp.js';
import type { TableView } from '../../common/store/contract.js';
import { groupEvents } from '../core/groups.js';
import type { GroupEvent, LrpEvent, SlotRows } from '../core/groups.js';
import { actualLrpRowKey } from '../core/rows.js';

export type RowTable = Pick<TableView<ActualLrp>, 'keys' | 'get'>;

export interface GroupView {
  /** what one commit told, with the events of instances told as events of groups */
  fold(events: readonly LrpEvent[]): (LrpEvent | GroupEvent)[];
}

/** What one event does to rows: the one that was, the one that is. */
interface Step {
  slot: string;
  took: ActualLrp | undefined;
  put: ActualLrp | undefined;
}

const slotOf = ({ processGuid, index }: { processGuid: string; index: number }): string =>
  `${processGuid}/${index}`;

const stepOf = (event: LrpEvent): Step | undefined => {
  switch (event.kind) {
    case 'actual_lrp_instance_created':
      return { slot: slotOf(event.actualLrp), took: undefined, put: event.actualLrp };
    case 'actual_lrp_instance_changed':
      return { slot: slotOf(event.after), took: event.before, put: event.after };
    case 'actual_lrp_instance_removed':
      return { slot: slotOf(event.actualLrp), took: event.actualLrp, put: undefined };
    default:
      return undefined;
  }
};

/** A transition of one slot, while its events are read. */
interface Transition {
  readonly slot: string;
  readonly crashed: boolean;
  readonly took: { -readonly [P in keyof SlotRows]: ActualLrp };
  readonly put: { -readonly [P in keyof SlotRows]: ActualLrp };
  /** taken for good, not changed into another */
  readonly gone: Set<ActualLrpPresence>;
}

const begun = (slot: string, crashed: boolean): Transition => ({
  slot,
  crashed,
  took: {},
  put: {},
  gone: new Set(),
});

/**
 * Whether an event belongs to the slot's next transition: its row is put where one was put already, or is the one that
 * was put, or is a new one in place of one that has gone (an instance given up is told the other way round).
 */
const isNext = ({ took, put }: Step, open: Transition): boolean => {
  if (took && open.put[took.presence] === took) return true;
  if (!put) return false;
  return open.put[put.presence] !== undefined || (!took && open.gone.has(put.presence));
};

const follow = ({ took, put }: Step, open: Transition): void => {
  if (took) open.took[took.presence] = took;
  if (put) open.put[put.presence] = put;
  else if (took) open.gone.add(took.presence);
};

const hasCopies = ({ SUSPECT, EVACUATING }: SlotRows): boolean =>
  SUSPECT !== undefined || EVACUATING !== undefined;

/** Rows of slots that are more than their ordinary one: only there does an event not say all of its group. */
const slotsWithCopies = (table: RowTable): Map<string, SlotRows> => {
  const slots = new Map<string, SlotRows>();
  for (const key of table.keys()) {
    // by the key: to look at every row would decode all of them at the start
    const row = key.endsWith('/ORDINARY') ? undefined : table.get(key);
    if (!row) continue;
    const ORDINARY = table.get(actualLrpRowKey({ ...row, presence: 'ORDINARY' }));
    slots.set(slotOf(row), { ORDINARY, ...slots.get(slotOf(row)), [row.presence]: row });
  }
  return slots;
};

/**
 * Follows slots through the events of their instances; `table` shows what there is before the first of them, and is
 * not looked at again. A transition's events stand together, its crash first, as the decisions give them.
 */
export const createGroupView = (table: RowTable): GroupView => {
  const copies = slotsWithCopies(table);

  const close = ({ slot, crashed, took, put }: Transition): GroupEvent[] => {
    const known = copies.get(slot) ?? {};
    const settled: SlotRows = Object.fromEntries(
      Object.entries(known).filter(([presence, row]) => took[presence as keyof SlotRows] !== row),
    );
    const before = { ...known, ...took };
    const after = { ...settled, ...put };
    if (hasCopies(after)) copies.set(slot, after);
    else copies.delete(slot);
    return groupEvents(before, after, crashed);
  };

  return {
    fold(events) {
      const told: (LrpEvent | GroupEvent)[] = [];
      let open: Transition | undefined;
      const settle = (): void => {
        if (open) told.push(...close(open));
        open = undefined;
      };
      for (const event of events) {
        const step = stepOf(event);
        if (step) {
          if (open && (open.slot !== step.slot || isNext(step, open))) settle();
          follow(step, (open ??= begun(step.slot, false)));
        } else {
          settle();
          told.push(event);
          if (event.kind === 'actual_lrp_crashed') open = begun(slotOf(event), true);
        }
      }
      settle();
      return told;
    },
  };
};
