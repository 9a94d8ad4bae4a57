import { resolve } from 'node:path';
import { readArgs, usageError } from '../args.js';
import type { Command } from '../context.js';

const OPTIONS = { config: { type: 'string', short: 'c' } } as const;

/** The command that runs one component as this process. */
const runs = (name: string, summary: string): Command => {
  const usage = `${name} --config FILE`;
  return {
    name,
    usage,
    summary,
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

/** One each, in the order in which a system comes up. */
export const components: readonly Command[] = [
  runs('bbs', 'run the bulletin board'),
  runs('auctioneer', 'run an auctioneer'),
  runs('cell', 'run the rep of a cell'),
  runs('router', 'run a router'),
  runs('api', 'run the API'),
];
