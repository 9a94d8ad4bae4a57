import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { getApp, routesOf, runJob } from '../http/apps.js';

const USAGE = 'delete NAME';

export const deleteApp: Command = {
  name: 'delete',
  usage: USAGE,
  summary: 'delete an application, its routes and its files',
  async run(context, args) {
    const { positionals } = readArgs(
      { usage: USAGE, options: { force: { type: 'boolean', short: 'f' } }, positionals: { min: 1, max: 1 } },
      args,
    );
    const app = await getApp(context.api(), positionals[0] ?? '');
    const routes = await routesOf(context.api(), app);
    await runJob(context, { method: 'DELETE', path: `/v3/apps/${app.guid}` });
    for (const route of routes) await runJob(context, { method: 'DELETE', path: `/v3/routes/${route.guid}` });
    context.print(`${app.name} is deleted`);
    return 0;
  },
};
