import { OutcryError } from '../../common/model/errors.js';
import { readArgs, readCount } from '../args.js';
import type { Command } from '../context.js';
import { getApp } from '../http/apps.js';
import type { Process } from '../http/resources.js';
import { awaitStart } from '../push/await-start.js';
import { showApp } from './app.js';

const USAGE = 'scale NAME -i INSTANCES';

export const scale: Command = {
  name: 'scale',
  usage: USAGE,
  summary: 'change how many instances run',
  async run(context, args) {
    const { values, positionals } = readArgs(
      {
        usage: USAGE,
        options: { instances: { type: 'string', short: 'i' } },
        positionals: { min: 1, max: 1 },
      },
      args,
    );
    const instances = readCount(values.instances, { name: '-i', min: 0, max: 100_000, usage: USAGE });
    if (instances === undefined) throw new OutcryError('USAGE', { problem: '-i is missing', usage: USAGE });
    const app = await getApp(context.api(), positionals[0] ?? '');
    await context.api().fetch<Process>({
      method: 'POST',
      path: `/v3/apps/${app.guid}/processes/web/actions/scale`,
      json: { instances },
    });
    if (app.state === 'STARTED') await awaitStart(context, app);
    await showApp(context, app.name);
    return 0;
  },
};
