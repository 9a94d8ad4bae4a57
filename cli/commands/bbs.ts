import { dump } from '../bbs/dump.js';
import { restore } from '../bbs/restore.js';
import type { Command } from '../context.js';
import { componentCommand } from './component.js';

/** In the order in which help lists them. */
const SUBCOMMANDS: readonly Command[] = [dump, restore];

const run = componentCommand('bbs');

/** Runs the bulletin board, or looks after what it keeps. */
export const bbs: Command = {
  ...run,
  usage: `${run.usage} | ${SUBCOMMANDS.map(({ name }) => `${name} …`).join(' | ')}`,
  summary: 'run the bulletin board; write all that it keeps to a file, and back',
  options: [
    ...(run.options ?? []),
    ...SUBCOMMANDS.flatMap(({ usage, summary, options = [] }) => [
      [usage.replace(/^bbs | \[-.*$/g, ''), summary] as const,
      ...options.map(([option, meaning]) => [`  ${option}`, meaning] as const),
    ]),
  ],
  async run(context, args) {
    const [name, ...rest] = args;
    const subcommand = SUBCOMMANDS.find((one) => one.name === name);
    return subcommand === undefined ? run.run(context, args) : subcommand.run(context, rest);
  },
};
