import { resolve } from 'node:path';
import { readArgs, usageError } from '../args.js';
import type { Command } from '../context.js';

const USAGE = 'config check FILE…';

/** Checks every file; the exit status says whether all are right. */
const check: Command['run'] = async (context, files) => {
  if (files.length === 0) throw usageError(USAGE, 'FILE is missing');
  const { checkConfigFile } = await import('../processes/check.js');
  let wrong = 0;
  for (const file of files) {
    const { component, problems } = await checkConfigFile(resolve(context.cwd, file));
    for (const problem of problems) context.note(problem);
    if (problems.length === 0) context.print(`${file}: a valid configuration of the ${component}`);
    wrong += problems.length;
  }
  return wrong === 0 ? 0 : 1;
};

export const config: Command = {
  name: 'config',
  usage: USAGE,
  summary: "check components' configuration files",
  async run(context, args) {
    const { positionals } = readArgs(
      { usage: USAGE, options: {}, words: ['check', '[FILE…]'], rest: true },
      args,
    );
    const [verb, ...files] = positionals;
    if (verb === 'check') return check(context, files);
    throw usageError(USAGE, `unexpected '${verb}'`);
  },
};
