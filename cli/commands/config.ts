import { resolve } from 'node:path';
import { readArgs, usageError } from '../args.js';
import type { Command } from '../context.js';
import { INIT_OPTIONS, INIT_USAGE, initConfig } from './config-init.js';

const CHECK_USAGE = 'config check FILE…';

/** Checks every file; the exit status says whether all are right. */
const check: Command['run'] = async (context, files) => {
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
  usage: `${CHECK_USAGE} | ${INIT_USAGE}`,
  summary: "check components' configuration files, or write those of a whole deployment",
  options: INIT_OPTIONS,
  async run(context, [verb, ...args]) {
    if (verb === 'init') return initConfig(context, args);
    if (verb !== 'check') {
      const problem = verb === undefined ? 'check or init is missing' : `unexpected '${verb}'`;
      throw usageError(`${CHECK_USAGE} | ${INIT_USAGE}`, problem);
    }
    const { positionals } = readArgs({ usage: CHECK_USAGE, options: {}, words: ['FILE'], rest: true }, args);
    return check(context, positionals);
  },
};
