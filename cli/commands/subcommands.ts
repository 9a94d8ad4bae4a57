import { nearest } from '../../common/model/nearest.js';
import { usageError } from '../args.js';
import type { Command } from '../context.js';

/** A command of nothing but subcommands, in the order in which help lists them. */
export const withSubcommands = (name: string, subcommands: readonly Command[], summary: string): Command => {
  const names = subcommands.map((one) => one.name);
  const usage = `${name} ${names.join(' | ')}`;
  const prefix = new RegExp(`^${name} | \\[.*$`, 'g');

  const wrong = (word: string | undefined): Error => {
    if (word === undefined) return usageError(usage, `one of ${names.join(', ')} is missing`);
    const meant = nearest(word, names);
    const hint = meant === undefined ? '' : ` (did you mean '${meant}'?)`;
    return usageError(usage, `no '${name} ${word}'${hint}`);
  };

  return {
    name,
    usage,
    summary,
    options: subcommands.flatMap(({ usage: own, summary: meaning, options = [] }) => [
      [own.replace(prefix, ''), meaning] as const,
      ...options
        .filter(([option]) => option !== '--json')
        .map(([option, says]) => [`  ${option}`, says] as const),
    ]),
    async run(context, [word, ...args]) {
      const subcommand = subcommands.find((one) => one.name === word);
      if (subcommand === undefined) throw wrong(word);
      return subcommand.run(context, args);
    },
  };
};
