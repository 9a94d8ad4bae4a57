import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { cellsOf } from '../http/apps.js';
import type { Cell } from '../http/resources.js';
import { compactTable } from '../output.js';

const used = (free = 0, total = 0, unit = ''): string => `${total - free}/${total}${unit}`;

const sum = (counts: Record<string, number> = {}): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** What is to be known of a cell that answers, in a few words. */
const noteOf = (presence: Cell['presence'], state: NonNullable<Cell['state']>): string => {
  const notes = [
    state.evacuating === true && 'evacuating',
    // one that answers says so of its engine alone: it hears nothing any more when it stops
    state.placeable === false && 'runtime away: takes no work',
    presence === null && 'has no presence',
  ];
  return notes.filter((note) => note !== false).join(', ');
};

const row = ({ cell_id: id, presence, state }: Cell): string[] => {
  if (state === null) return [id, presence?.zone ?? '', '', '', '', '', '', 'does not answer'];
  const { available, total } = state;
  return [
    id,
    state.zone ?? presence?.zone ?? '',
    String(sum(state.lrp_counts)),
    String(state.task_count ?? 0),
    used(available?.memory_mb, total?.memory_mb, ' MB'),
    used(available?.disk_mb, total?.disk_mb, ' MB'),
    used(available?.containers, total?.containers),
    noteOf(presence, state),
  ];
};

const HEADING = ['cell', 'zone', 'instances', 'tasks', 'memory used', 'disk used', 'containers', 'note'];

export const cells: Command = {
  name: 'cells',
  usage: 'cells',
  summary: 'list the cells and what they hold',
  async run(context, args) {
    readArgs({ usage: 'cells', options: {}, words: [] }, args);
    const all = await cellsOf(context.api());
    context.print(
      all.length === 0
        ? 'no cells: nothing can be placed until one reports'
        : compactTable([HEADING, ...all.map(row)]),
    );
    return 0;
  },
};
