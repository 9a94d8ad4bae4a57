import { nearest } from '../../common/model/nearest.js';
import { usageError } from '../args.js';
import type { Command } from '../context.js';
import { auctionRun } from './auction-run.js';

/** In the order in which help lists them. Each reads the words after its own name. */
const SUBCOMMANDS: readonly Command[] = [auctionRun];

const USAGE = SUBCOMMANDS.map(({ usage }) => usage).join(' | ');

const problemWith = (verb: string | undefined): string => {
  const names = SUBCOMMANDS.map(({ name }) => name);
  if (verb === undefined) return `${names.join(' or ')} is missing`;
  const meant = nearest(verb, names);
  return `no 'auction ${verb}'${meant === undefined ? '' : ` (did you mean '${meant}'?)`}`;
};

export const auction: Command = {
  name: 'auction',
  usage: USAGE,
  summary: 'what the scheduler decides, and why',
  options: SUBCOMMANDS.flatMap(({ options = [] }) => options),
  async run(context, [verb, ...args]) {
    const found = SUBCOMMANDS.find(({ name }) => name === verb);
    if (found === undefined) throw usageError(USAGE, problemWith(verb));
    return found.run(context, args);
  },
};
