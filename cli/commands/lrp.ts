import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';

const LRP_USAGE = 'lrp desire FILE | lrp update GUID FILE | lrp get GUID | lrp delete GUID';
const TASK_USAGE = 'task desire FILE';
const DESIRED_LRPS = '/outcry/v1/desired_lrps';

const readJson = (context: Context, name: string): unknown => {
  const path = resolve(context.cwd, name);
  let text: string;
  try {
    text = readFileSync(path === resolve(context.cwd, '-') ? 0 : path, 'utf8');
  } catch {
    throw new OutcryError('PATH_NOT_FOUND', { path: name });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const problem = error instanceof Error ? error.message : 'not JSON';
    throw new OutcryError('FILE_INVALID', { path: name, problem: `not JSON: ${problem}` });
  }
};

const guidPath = (guid: string): string => `${DESIRED_LRPS}/${encodeURIComponent(guid)}`;

const LRP_VERBS: Record<string, { words: number; run(context: Context, words: string[]): Promise<void> }> = {
  desire: {
    words: 1,
    async run(context, [file = '']) {
      await context.api().fetch({ method: 'POST', path: DESIRED_LRPS, json: readJson(context, file) });
      context.print('desired');
    },
  },
  update: {
    words: 2,
    async run(context, [guid = '', file = '']) {
      await context.api().fetch({ method: 'PATCH', path: guidPath(guid), json: readJson(context, file) });
      context.print(`${guid} is updated`);
    },
  },
  get: {
    words: 1,
    async run(context, [guid = '']) {
      context.print(
        JSON.stringify(await context.api().fetch({ method: 'GET', path: guidPath(guid) }), null, 2),
      );
    },
  },
  delete: {
    words: 1,
    async run(context, [guid = '']) {
      await context.api().fetch({ method: 'DELETE', path: guidPath(guid) });
      context.print(`${guid} is no longer desired`);
    },
  },
};

export const lrp: Command = {
  name: 'lrp',
  usage: LRP_USAGE,
  summary: 'the desired state of long-running processes, as JSON with the names of the BBS',
  async run(context, args) {
    const { positionals } = readArgs(
      { usage: LRP_USAGE, options: {}, positionals: { min: 1, max: 3 } },
      args,
    );
    const [name = '', ...words] = positionals;
    const verb = LRP_VERBS[name];
    if (verb === undefined) {
      throw new OutcryError('USAGE', { problem: `no 'lrp ${name}'`, usage: LRP_USAGE });
    }
    if (words.length !== verb.words) {
      const problem = words.length < verb.words ? 'something is missing' : `unexpected '${words.at(-1)}'`;
      throw new OutcryError('USAGE', { problem, usage: LRP_USAGE });
    }
    await verb.run(context, words);
    return 0;
  },
};

export const task: Command = {
  name: 'task',
  usage: TASK_USAGE,
  summary: 'submit a task as JSON with the names of the BBS',
  async run(context, args) {
    const { positionals } = readArgs(
      { usage: TASK_USAGE, options: {}, positionals: { min: 2, max: 2 } },
      args,
    );
    const [verb, file = ''] = positionals;
    if (verb !== 'desire')
      throw new OutcryError('USAGE', { problem: `no 'task ${verb}'`, usage: TASK_USAGE });
    await context.api().fetch({ method: 'POST', path: '/outcry/v1/tasks', json: readJson(context, file) });
    context.print('desired');
    return 0;
  },
};
