import { readArgs, readCount, readSize, usageError } from '../args.js';
import type { Command } from '../context.js';
import { act, getApp } from '../http/apps.js';
import type { Process } from '../http/resources.js';
import { awaitStart } from '../push/await-start.js';
import { showApp } from './app.js';

const USAGE = 'scale NAME [-i INSTANCES] [-m MEMORY] [-k DISK]';

const OPTIONS = {
  instances: { type: 'string', short: 'i' },
  memory: { type: 'string', short: 'm' },
  disk: { type: 'string', short: 'k' },
  // the cf CLI asks before it restarts; nothing is asked here
  force: { type: 'boolean', short: 'f' },
} as const;

export const scale: Command = {
  name: 'scale',
  usage: USAGE,
  summary: 'change how many instances run, or how large they are',
  options: [
    ['-i INSTANCES', 'how many'],
    ['-m MEMORY', 'memory of each, such as 256M or 1G; restarts the application'],
    ['-k DISK', 'disk of each; restarts the application'],
  ],
  async run(context, args) {
    const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: ['NAME'] }, args);
    const json = {
      instances: readCount(values.instances, { name: '-i', min: 0, max: 100_000, usage: USAGE }),
      memory_in_mb: readSize(values.memory, { name: '-m', usage: USAGE }),
      disk_in_mb: readSize(values.disk, { name: '-k', usage: USAGE }),
    };
    if (Object.values(json).every((value) => value === undefined)) {
      throw usageError(USAGE, '-i, -m or -k is missing');
    }
    const api = context.api();
    const app = await getApp(api, positionals[0] ?? '');
    const path = `/v3/apps/${app.guid}/processes/web/actions/scale`;
    await api.fetch<Process>({ method: 'POST', path, json });
    if (app.state === 'STARTED') {
      const resized = json.memory_in_mb !== undefined || json.disk_in_mb !== undefined;
      if (resized) await act(api, app, 'restart');
      await awaitStart(context, app);
    }
    await showApp(context, app.name);
    return 0;
  },
};
