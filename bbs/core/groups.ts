import type { ActualLrp, ActualLrpGroup, ActualLrpPresence } from '../../common/model/lrp.js';

/** The rows of one slot, by presence. */
export type SlotRows = { readonly [P in ActualLrpPresence]?: ActualLrp | undefined };

/** The one row that stands for the slot's instance: a suspect copy until its replacement runs. */
export const instanceOf = ({ ORDINARY, SUSPECT }: SlotRows): ActualLrp | undefined =>
  ORDINARY?.state === 'RUNNING' ? ORDINARY : (SUSPECT ?? ORDINARY);

/** The slot as a group; without a row that is absent. */
export const groupOf = (rows: SlotRows): ActualLrpGroup => {
  const [instance, evacuating] = [instanceOf(rows), rows.EVACUATING];
  return { ...(instance && { instance }), ...(evacuating && { evacuating }) };
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
