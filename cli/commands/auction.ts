import { nearest } from '../../common/model/nearest.js';
import { usageError } from '../args.js';
import { explain } from '../auction/explain.js';
import { list } from '../auction/list.js';
import { replay } from '../auction/replay.js';
import { run } from '../auction/run.js';
import { whatIf } from '../auction/what-if.js';
import type { Command } from '../context.js';

/** In the order in which help lists them. */
const SUBCOMMANDS: readonly Command[] = [list, explain, replay, whatIf, run];

const NAMES = SUBCOMMANDS.map(({ name }) => name);
const USAGE = `auction ${NAMES.join(' | ')}`;

const wrong = (name: string | undefined): Error => {
  if (name === undefined) return usageError(USAGE, `one of ${NAMES.join(', ')} is missing`);
  const meant = nearest(name, NAMES);
  const hint = meant === undefined ? '' : ` (did you mean '${meant}'?)`;
  return usageError(USAGE, `no 'auction ${name}'${hint}`);
};

export const auction: Command = {
  name: 'auction',
  usage: USAGE,
  summary: 'what the auctioneer decided, why, and what it would decide',
  options: SUBCOMMANDS.flatMap(({ usage, summary, options = [] }) => [
    [usage.replace(/^auction | \[.*$/g, ''), summary] as const,
    ...options
      .filter(([option]) => option !== '--json')
      .map(([option, meaning]) => [`  ${option}`, meaning] as const),
  ]),
  async run(context, [name, ...args]) {
    const subcommand = SUBCOMMANDS.find((one) => one.name === name);
    if (subcommand === undefined) throw wrong(name);
    return subcommand.run(context, args);
  },
};
