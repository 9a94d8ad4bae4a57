import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { getApp, processesOf, routesOf, statsOf } from '../http/apps.js';
import type { App, InstanceStats, Process } from '../http/resources.js';
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

const instanceRow = (instance: InstanceStats): string[] => [
  `#${instance.index}`,
  stateOf(instance),
  instance.cell_id ?? '',
  instance.state === 'RUNNING' && typeof instance.uptime === 'number' ? duration(instance.uptime) : '',
  detailsOf(instance),
];

const sizes = ({ memory_in_mb: memory, disk_in_mb: disk }: Process): string =>
  `${memory} MB of memory and ${disk} MB of disk each`;

const showProcess = async (context: Context, app: App, process: Process): Promise<void> => {
  const stats = await statsOf(context.api(), process.guid);
  const running = stats.filter(({ state }) => state === 'RUNNING').length;
  const head = process.type === 'web' ? `${app.name}: ${app.state.toLowerCase()}` : process.type;
  context.print(`${head}, ${running} of ${process.instances} running, ${sizes(process)}`);
  if (stats.length === 0 || app.state === 'STOPPED') return;
  context.print(compactTable([['', 'state', 'cell', 'up', 'details'], ...stats.map(instanceRow)]));
};

/** An application with its instances, and where it answers. */
export const showApp = async (context: Context, name: string): Promise<void> => {
  const api = context.api();
  const app = await getApp(api, name);
  const [processes, routes] = await Promise.all([processesOf(api, app), routesOf(api, app)]);
  for (const process of processes) await showProcess(context, app, process);
  for (const route of routes) context.print(`http://${route.url}`);
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
