import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { getApp, processesOf, routesOf, statsOf } from '../http/apps.js';
import type { App, InstanceStats, Process } from '../http/resources.js';
import { waysTo } from '../http/sites.js';
import { compactTable, duration } from '../output.js';
import { isUnplaced } from '../push/await-start.js';

const USAGE = 'app NAME';

const stateOf = (instance: InstanceStats): string =>
  isUnplaced(instance) ? 'waiting' : instance.state.toLowerCase();

const detailsOf = ({ details, crash_count: crashes = 0, crash_reason: reason }: InstanceStats): string => {
  if (crashes === 0) return details ?? '';
  const times = crashes === 1 ? 'crashed once' : `crashed ${crashes} times`;
  const why = details ?? reason ?? '';
  return why === '' ? times : `${times}: ${why}`;
};

/** Instances of which there is the same to say, one after another. */
interface Span {
  from: number;
  to: number;
  /** what a row says of them, beside their numbers */
  cells: string[];
}

const cellsOf = (instance: InstanceStats): string[] => [
  stateOf(instance),
  instance.cell_id ?? '',
  instance.state === 'RUNNING' && typeof instance.uptime === 'number' ? duration(instance.uptime) : '',
  detailsOf(instance),
];

/** Those without a place are told together: there may be thousands. */
const spansOf = (stats: readonly InstanceStats[]): Span[] => {
  const spans: Span[] = [];
  for (const instance of stats) {
    const cells = cellsOf(instance);
    const last = spans.at(-1);
    const alike = isUnplaced(instance) && last !== undefined && String(last.cells) === String(cells);
    if (alike) last.to = instance.index;
    else spans.push({ from: instance.index, to: instance.index, cells });
  }
  return spans;
};

const rowOf = ({ from, to, cells }: Span): string[] => [
  from === to ? `#${from}` : `#${from} to #${to}`,
  ...cells,
];

const sizes = ({ memory_in_mb: memory, disk_in_mb: disk }: Process): string =>
  `${memory} MB of memory and ${disk} MB of disk each`;

const showProcess = async (context: Context, app: App, process: Process): Promise<void> => {
  const stats = await statsOf(context.api(), process.guid);
  const running = stats.filter(({ state }) => state === 'RUNNING').length;
  const head = process.type === 'web' ? `${app.name}: ${app.state.toLowerCase()}` : process.type;
  context.print(`${head}, ${running} of ${process.instances} running, ${sizes(process)}`);
  if (stats.length === 0 || app.state === 'STOPPED') return;
  context.print(compactTable([['', 'state', 'cell', 'up', 'details'], ...spansOf(stats).map(rowOf)]));
};

/** An application with its instances, and where it answers. */
export const showApp = async (context: Context, name: string): Promise<void> => {
  const api = context.api();
  const app = await getApp(api, name);
  const [processes, routes] = await Promise.all([processesOf(api, app), routesOf(api, app)]);
  for (const process of processes) await showProcess(context, app, process);
  for (const route of routes) {
    for (const way of await waysTo(context, route)) context.print(way);
  }
};

export const app: Command = {
  name: 'app',
  usage: USAGE,
  summary: 'show one application, its instances and where they are',
  async run(context, args) {
    const { positionals } = readArgs({ usage: USAGE, options: {}, words: ['NAME'] }, args);
    await showApp(context, positionals[0] ?? '');
    return 0;
  },
};
