import { readArgs } from '../args.js';
import { instancesOn, noteOf } from '../cell-words.js';
import type { Command } from '../context.js';
import { cellsOf } from '../http/apps.js';
import type { Cell } from '../http/resources.js';
import { compactTable } from '../output.js';

const used = (free = 0, total = 0, unit = ''): string => `${total - free}/${total}${unit}`;

const row = (cell: Cell): string[] => {
  const { cell_id: id, presence, state } = cell;
  if (state === null) return [id, presence?.zone ?? '', '', '', '', '', '', 'does not answer'];
  const { available, total } = state;
  return [
    id,
    state.zone ?? presence?.zone ?? '',
    String(instancesOn(state)),
    String(state.task_count ?? 0),
    used(available?.memory_mb, total?.memory_mb, ' MB'),
    used(available?.disk_mb, total?.disk_mb, ' MB'),
    used(available?.containers, total?.containers),
    noteOf(cell, state),
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
