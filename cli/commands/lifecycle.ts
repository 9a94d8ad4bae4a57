import { readArgs } from '../args.js';
import type { Command } from '../context.js';
import { act, getApp } from '../http/apps.js';
import { awaitStart } from '../push/await-start.js';
import { showApp } from './app.js';

const lifecycleCommand = (name: 'start' | 'stop' | 'restart', summary: string): Command => ({
  name,
  usage: `${name} NAME`,
  summary,
  async run(context, args) {
    const { positionals } = readArgs({ usage: `${name} NAME`, options: {}, words: ['NAME'] }, args);
    const app = await getApp(context.api(), positionals[0] ?? '');
    await act(context.api(), app, name);
    if (name === 'stop') {
      context.print(`${app.name} is stopped`);
      return 0;
    }
    await awaitStart(context, app);
    await showApp(context, app.name);
    return 0;
  },
});

export const start = lifecycleCommand('start', 'start a stopped application');
export const stop = lifecycleCommand('stop', 'stop an application; it is kept');
export const restart = lifecycleCommand('restart', 'stop and start an application');
