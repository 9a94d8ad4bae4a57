import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { getApp, routesOf, statsOf, webProcess } from '../http/apps.js';
import type { InstanceStats } from '../http/resources.js';
import { seconds, table } from '../output.js';

const USAGE = 'app NAME';

const instanceRow = (instance: InstanceStats): string[] => [
  `#${instance.index}`,
  instance.state.toLowerCase(),
  instance.cell_id ?? '-',
  typeof instance.uptime === 'number' && instance.state === 'RUNNING' ? seconds(instance.uptime * 1000) : '-',
  instance.details ?? '',
];

/** An application with its instances, and where it answers. */
export const showApp = async (context: Context, name: string): Promise<void> => {
  const api = context.api();
  const app = await getApp(api, name);
  const [process, routes] = await Promise.all([webProcess(api, app), routesOf(api, app)]);
  const stats = await statsOf(api, process.guid);
  const running = stats.filter(({ state }) => state === 'RUNNING').length;
  context.print(`${app.name}: ${app.state.toLowerCase()}, ${running} of ${process.instances} running`);
  context.print(`memory ${process.memory_in_mb} MB, disk ${process.disk_in_mb} MB per instance`);
  if (stats.length > 0) {
    context.print(table([['', 'state', 'cell', 'up', 'details'], ...stats.map(instanceRow)]));
  }
  for (const route of routes) context.print(`http://${route.url}`);
};

export const app: Command = {
  name: 'app',
  usage: USAGE,
  summary: 'show one application and its instances',
  async run(context, args) {
    const { positionals } = readArgs({ usage: USAGE, options: {}, positionals: { min: 1, max: 1 } }, args);
    await showApp(context, positionals[0] ?? '');
    return 0;
  },
};
