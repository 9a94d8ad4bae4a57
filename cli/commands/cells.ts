import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { table } from '../output.js';

interface Cell {
  cell_id: string;
  zone: string;
  /** live; null when the cell did not answer */
  state: {
    available_resources: CellResources;
    total_resources: CellResources;
    lrps: number;
    tasks: number;
  } | null;
}

interface CellResources {
  memory_mb: number;
  disk_mb: number;
  containers: number;
}

const share = (part: number, whole: number, unit: string): string => `${whole - part}/${whole}${unit}`;

const row = ({ cell_id: id, zone, state }: Cell): string[] => {
  if (state === null) return [id, zone, 'no answer', '', '', ''];
  const { available_resources: free, total_resources: total } = state;
  return [
    id,
    zone,
    `${state.lrps} + ${state.tasks}`,
    share(free.memory_mb, total.memory_mb, ' MB'),
    share(free.disk_mb, total.disk_mb, ' MB'),
    share(free.containers, total.containers, ''),
  ];
};

export const cells: Command = {
  name: 'cells',
  usage: 'cells',
  summary: 'list the cells and what they hold',
  async run(context, args) {
    readArgs({ usage: 'cells', options: {}, positionals: { min: 0, max: 0 } }, args);
    const list = await context.api().fetch<{ cells: Cell[] }>({ method: 'GET', path: '/outcry/v1/cells' });
    const heading = ['cell', 'zone', 'instances + tasks', 'memory used', 'disk used', 'containers'];
    context.print(
      list.cells.length === 0
        ? 'no cells: nothing can be placed until one reports'
        : table([heading, ...list.cells.map(row)]),
    );
    return 0;
  },
};
