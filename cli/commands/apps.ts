import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { routesOf, statsOf, webProcess } from '../http/apps.js';
import type { App, List } from '../http/resources.js';
import { table } from '../output.js';

export const apps: Command = {
  name: 'apps',
  usage: 'apps',
  summary: 'list the applications',
  async run(context, args) {
    readArgs({ usage: 'apps', options: {}, positionals: { min: 0, max: 0 } }, args);
    const api = context.api();
    const list = await api.fetch<List<App>>({ method: 'GET', path: '/v3/apps?order_by=name&per_page=5000' });
    if (list.resources.length === 0) {
      context.print("no applications; 'outcry push DIR' makes one");
      return 0;
    }
    const rows = await Promise.all(
      list.resources.map(async (app) => {
        const [web, routes] = await Promise.all([webProcess(api, app), routesOf(api, app)]);
        const running = (await statsOf(api, web.guid)).filter(({ state }) => state === 'RUNNING').length;
        return [
          app.name,
          app.state.toLowerCase(),
          `${running}/${web.instances}`,
          `${web.memory_in_mb} MB`,
          routes.map(({ url }) => `http://${url}`).join(' '),
        ];
      }),
    );
    context.print(table([['name', 'state', 'running', 'memory', 'url'], ...rows]));
    return 0;
  },
};
