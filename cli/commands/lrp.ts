import { readArgs, usageError } from '../args.js';
import type { Command, Context } from '../context.js';
import { readJson } from '../json-file.js';

const LRP_USAGE = 'lrp desire FILE | update GUID FILE | get GUID | delete GUID';
const TASK_USAGE = 'task desire FILE';
const DESIRED_LRPS = '/outcry/v1/desired_lrps';
const TASKS = '/outcry/v1/tasks';

const FILE_OPTION = ['FILE', "JSON as the BBS's API has it; - reads it from stdin"] as const;

const guidPath = (guid: string): string => `${DESIRED_LRPS}/${encodeURIComponent(guid)}`;

interface Verb {
  words: readonly string[];
  run(context: Context, words: readonly string[]): Promise<void>;
}

const LRP_VERBS: Record<string, Verb> = {
  desire: {
    words: ['FILE'],
    async run(context, [file = '']) {
      const json = readJson(context, file);
      const lrp = await context
        .api()
        .fetch<{ process_guid: string }>({ method: 'POST', path: DESIRED_LRPS, json });
      context.print(`${lrp.process_guid} is desired`);
    },
  },
  update: {
    words: ['GUID', 'FILE'],
    async run(context, [guid = '', file = '']) {
      await context.api().fetch({ method: 'PATCH', path: guidPath(guid), json: readJson(context, file) });
      context.print(`${guid} is updated`);
    },
  },
  get: {
    words: ['GUID'],
    async run(context, [guid = '']) {
      const lrp = await context.api().fetch({ method: 'GET', path: guidPath(guid) });
      context.print(JSON.stringify(lrp, null, 2));
    },
  },
  delete: {
    words: ['GUID'],
    async run(context, [guid = '']) {
      await context.api().fetch({ method: 'DELETE', path: guidPath(guid) });
      context.print(`${guid} is no longer desired`);
    },
  },
};

const TASK_VERBS: Record<string, Verb> = {
  desire: {
    words: ['FILE'],
    async run(context, [file = '']) {
      const json = readJson(context, file);
      const task = await context.api().fetch<{ task_guid: string }>({ method: 'POST', path: TASKS, json });
      context.print(`task ${task.task_guid} is desired`);
    },
  },
};

const verbCommand = (command: Omit<Command, 'run'>, verbs: Record<string, Verb>): Command => ({
  ...command,
  async run(context, args) {
    const { name, usage } = command;
    const [first = ''] = readArgs({ usage, options: {}, words: ['VERB', '[A]', '[B]'] }, args).positionals;
    const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined;
    if (verb === undefined) throw usageError(usage, `no '${name} ${first}'`);
    const { positionals } = readArgs({ usage, options: {}, words: ['VERB', ...verb.words] }, args);
    await verb.run(context, positionals.slice(1));
    return 0;
  },
});

export const lrp = verbCommand(
  {
    name: 'lrp',
    usage: LRP_USAGE,
    summary: 'the desired state of long-running processes, as the BBS has it',
    options: [FILE_OPTION],
  },
  LRP_VERBS,
);

export const task = verbCommand(
  {
    name: 'task',
    usage: TASK_USAGE,
    summary: 'submit a task, as the BBS has it',
    options: [FILE_OPTION],
  },
  TASK_VERBS,
);
