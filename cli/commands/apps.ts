import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { isGone } from '../http/api-client.js';
import { allApps, routesOf, statsOf, webProcess } from '../http/apps.js';
import type { App } from '../http/resources.js';
import { waysTo } from '../http/sites.js';
import { compactTable } from '../output.js';

/** No row for an application that has been deleted in the meantime. */
const rowsOf = async (context: Context, app: App): Promise<string[][]> => {
  const api = context.api();
  try {
    const [web, routes] = await Promise.all([webProcess(api, app), routesOf(api, app)]);
    const running = (await statsOf(api, web.guid)).filter(({ state }) => state === 'RUNNING').length;
    const ways = await Promise.all(routes.map((route) => waysTo(context, route)));
    const urls = ways.map(([url]) => url).join(' ');
    const memory = `${web.memory_in_mb} MB`;
    return [[app.name, app.state.toLowerCase(), `${running}/${web.instances}`, memory, urls]];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
};

export const apps: Command = {
  name: 'apps',
  usage: 'apps',
  summary: 'list the applications',
  async run(context, args) {
    readArgs({ usage: 'apps', options: {}, words: [] }, args);
    const all = await allApps(context.api());
    const rows = (await Promise.all(all.map((app) => rowsOf(context, app)))).flat();
    context.print(
      rows.length === 0
        ? "no applications; 'outcry push DIR' makes one"
        : compactTable([['name', 'state', 'running', 'memory', 'url'], ...rows]),
    );
    return 0;
  },
};
