import { resolve } from 'node:path';
import { COMPONENTS } from '../../common/model/well-known.js';
import type { Component } from '../../common/model/well-known.js';
import { readArgs, usageError } from '../args.js';
import type { Command } from '../context.js';

const OPTIONS = { config: { type: 'string', short: 'c' } } as const;

const SUMMARIES: Readonly<Record<Component, string>> = {
  bbs: 'run the bulletin board',
  auctioneer: 'run an auctioneer',
  'mesos-bridge': 'run the bridge to a Mesos cluster',
  cell: 'run the rep of a cell',
  router: 'run a router',
  api: 'run the API',
};

/** The command that runs one component as this process. */
export const componentCommand = (name: Component): Command => {
  const usage = `${name} --config FILE`;
  return {
    name,
    usage,
    summary: SUMMARIES[name],
    options: [['-c, --config FILE', 'its configuration, YAML or JSON: docs/reference/configuration.md']],
    async run(context, args) {
      const { values } = readArgs({ usage, options: OPTIONS, words: [] }, args);
      if (values.config === undefined) throw usageError(usage, '--config is missing');
      const { runComponentNamed } = await import('../processes/run.js');
      await runComponentNamed(name, resolve(context.cwd, values.config));
      return 0;
    },
  };
};

/** The same, where words after its name are commands of their own; in the order in which help lists them. */
export const componentWith = (name: Component, subcommands: readonly Command[], summary: string): Command => {
  const run = componentCommand(name);
  const own = new RegExp(`^${name} | \\[-.*$`, 'g');
  return {
    ...run,
    usage: `${run.usage} | ${subcommands.map((one) => `${one.name} …`).join(' | ')}`,
    summary,
    options: [
      ...(run.options ?? []),
      ...subcommands.flatMap(({ usage, summary: meaning, options = [] }) => [
        [usage.replace(own, ''), meaning] as const,
        ...options.map(([option, says]) => [`  ${option}`, says] as const),
      ]),
    ],
    async run(context, args) {
      const [word, ...rest] = args;
      const subcommand = subcommands.find((one) => one.name === word);
      return subcommand === undefined ? run.run(context, args) : subcommand.run(context, rest);
    },
  };
};

const WITH_MORE: readonly Component[] = ['bbs', 'cell'];

/** One each, but for those whose commands do more. */
export const components: readonly Command[] = COMPONENTS.filter((name) => !WITH_MORE.includes(name)).map(
  componentCommand,
);
