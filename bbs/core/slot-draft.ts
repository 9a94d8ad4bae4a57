import type { BbsEvent } from '../../common/model/events.js';
import type { ActualLrp, ActualLrpPresence } from '../../common/model/lrp.js';
import { lrpStart } from '../../common/model/starts.js';
import { decided } from './decision.js';
import type { Change, Context, Decided, Effect } from './decision.js';
import { actualLrpRowKey, hasInstance, keyOf } from './rows.js';
import type { Slot } from './rows.js';

type Member = 'ordinary' | 'suspect' | 'evacuating';
const MEMBER: Record<ActualLrpPresence, Member> = {
  ORDINARY: 'ordinary',
  SUSPECT: 'suspect',
  EVACUATING: 'evacuating',
};

/** A slot while it is being decided on: what it has become, and how. Lives within one decision only. */
export interface SlotDraft {
  readonly slot: Slot;
  readonly changes: Change[];
  readonly effects: Effect[];
  /** unordered; `eventsOf` puts them in order */
  readonly events: BbsEvent[];
  /** the ordinary row is to be auctioned */
  wanted: boolean;
}

export const openSlot = (slot: Slot): SlotDraft => ({
  slot: { ...slot },
  changes: [],
  effects: [],
  events: [],
  wanted: false,
});

export const addRow = (draft: SlotDraft, row: ActualLrp, ctx: Context): void => {
  draft.slot[MEMBER[row.presence]] = row;
  draft.changes.push({ table: 'actual_lrps', put: row });
  draft.events.push({ kind: 'actual_lrp_instance_created', traceId: ctx.traceId, actualLrp: row });
};

export const removeRow = (draft: SlotDraft, row: ActualLrp, ctx: Context): void => {
  draft.slot[MEMBER[row.presence]] = undefined;
  draft.changes.push({ table: 'actual_lrps', remove: row });
  draft.events.push({ kind: 'actual_lrp_instance_removed', traceId: ctx.traceId, actualLrp: row });
};

/** Replaces `before` by `after`, which may differ in presence. An instance given up is told as created and removed. */
export const changeRow = (draft: SlotDraft, before: ActualLrp, after: ActualLrp, ctx: Context): void => {
  const { traceId } = ctx;
  if (actualLrpRowKey(before) !== actualLrpRowKey(after)) {
    draft.slot[MEMBER[before.presence]] = undefined;
    draft.changes.push({ table: 'actual_lrps', remove: before });
  }
  draft.slot[MEMBER[after.presence]] = after;
  draft.changes.push({ table: 'actual_lrps', put: after });
  if (after.state === 'UNCLAIMED' && hasInstance(before)) {
    draft.events.push(
      { kind: 'actual_lrp_instance_created', traceId, actualLrp: after },
      { kind: 'actual_lrp_instance_removed', traceId, actualLrp: before },
    );
  } else {
    draft.events.push({ kind: 'actual_lrp_instance_changed', traceId, before, after });
  }
};

export const tellCrash = (draft: SlotDraft, before: ActualLrp, after: ActualLrp, ctx: Context): void => {
  const { instanceGuid, cellId } = before;
  const { crashCount, crashReason, since } = after;
  draft.events.push({
    kind: 'actual_lrp_crashed',
    traceId: ctx.traceId,
    ...keyOf(before),
    instanceGuid,
    cellId,
    crashCount,
    crashReason,
    since,
  });
};

const rank = (event: BbsEvent): number => {
  if (event.kind === 'actual_lrp_crashed') return 0;
  const result =
    event.kind === 'actual_lrp_instance_created'
      ? event.actualLrp
      : event.kind === 'actual_lrp_instance_changed'
        ? event.after
        : undefined;
  return result?.state === 'RUNNING' ? 1 : 2;
};

/** Diego's order within one transition: crashes, then what runs now, then the rest, so that routability is gained before it is lost. */
export const eventsOf = (draft: SlotDraft): BbsEvent[] =>
  draft.events.length < 2 ? draft.events : [...draft.events].sort((a, b) => rank(a) - rank(b));

/** What a draft amounts to; a wanted ordinary row is auctioned if its process is still desired. */
export const closeSlot = <T>(draft: SlotDraft, value: T): Decided<T> => {
  const { desired, ordinary } = draft.slot;
  if (draft.wanted && desired && ordinary) {
    draft.effects.push({ kind: 'auction-lrps', start: lrpStart(desired, [ordinary]) });
  }
  return decided(value, { changes: draft.changes, events: eventsOf(draft), effects: draft.effects });
};
