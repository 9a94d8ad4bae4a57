import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { plural } from '../output.js';
import { componentWith } from './component.js';

const USAGE = 'cell evacuate CELL';

interface Evacuation {
  already: boolean;
  instances: number;
  tasks: number;
}

const evacuate: Command = {
  name: 'evacuate',
  usage: USAGE,
  summary: 'move all instances off a cell, let its tasks end, and end its rep',
  async run(context, args) {
    const [cell = ''] = readArgs({ usage: USAGE, options: {}, words: ['CELL'] }, args).positionals;
    const path = `/outcry/v1/cells/${encodeURIComponent(cell)}/evacuate`;
    const { already, instances, tasks } = await context.api().fetch<Evacuation>({ method: 'POST', path });
    const there = `${plural(instances, 'instance')} and ${plural(tasks, 'task')}`;
    context.print(
      already
        ? `${cell} is being emptied already: ${there} are there still`
        : `${cell} is being emptied of ${there}, and takes nothing any more`,
    );
    context.print("'outcry cells' shows how far it is; the cell is gone when it is empty");
    return 0;
  },
};

const MESOS = '--mesos';
const mesosWords = { usage: 'cell --mesos', words: [] } as const;

const plain = componentWith('cell', [evacuate], 'run the rep of a cell; empty a cell');

/** Runs the rep of a cell, by its configuration or as Mesos has started it, or has one empty itself. */
export const cell: Command = {
  ...plain,
  usage: `${plain.usage} | ${MESOS}`,
  options: [
    ...(plain.options ?? []),
    [MESOS, 'run as an executor: a Mesos agent starts it so, with what it takes in its environment'],
  ],
  async run(context, args) {
    if (!args.includes(MESOS)) return plain.run(context, args);
    const options = { mesos: { type: 'boolean' }, worker: { type: 'boolean' } } as const;
    const { values } = readArgs({ ...mesosWords, options }, args);
    const { runMesosCell } = await import('../processes/executor.js');
    return runMesosCell(context, values.worker === true);
  },
};
