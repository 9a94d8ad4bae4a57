import { OutcryError } from '../../common/model/errors.js';
import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { findApp, removeApp } from '../http/apps.js';

const USAGE = 'delete NAME [-f]';

const OPTIONS = {
  force: { type: 'boolean', short: 'f' },
  // the cf CLI's word for deleting routes too, which is always done here
  routes: { type: 'boolean', short: 'r' },
} as const;

export const deleteApp: Command = {
  name: 'delete',
  usage: USAGE,
  summary: 'delete an application, its routes and its files',
  options: [['-f', 'no error when there is none of that name']],
  async run(context, args) {
    const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: ['NAME'] }, args);
    const name = positionals[0] ?? '';
    const app = await findApp(context.api(), name);
    if (app !== undefined) {
      await removeApp(context, app);
      context.print(`${app.name} is deleted`);
    } else if (values.force === true) context.note(`no application '${name}': nothing to delete`);
    else throw new OutcryError('APP_NOT_FOUND', { app: name });
    return 0;
  },
};
