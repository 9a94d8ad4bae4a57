import { STACK_IMAGE } from '../../common/model/well-known.js';
import { readArgs, usageError } from '../args.js';
import type { Command } from '../context.js';
import { bytes, plural, seconds, table } from '../output.js';

const USAGE = 'stack build [--name IMAGE] [--engine SOCKET]';

const OPTIONS = {
  name: { type: 'string' },
  engine: { type: 'string' },
} as const;

export const stack: Command = {
  name: 'stack',
  usage: USAGE,
  summary: "make the Docker image that applications run in, from this machine's programs",
  options: [
    ['--name IMAGE', 'what to call it; without: outcry-stack:latest, which the system looks for'],
    ['--engine SOCKET', 'where the Docker engine answers; without: DOCKER_HOST, or /var/run/docker.sock'],
  ],
  async run(context, args) {
    const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: ['build'] }, args);
    if (positionals[0] !== 'build') throw usageError(USAGE, `unexpected '${positionals[0] ?? ''}'`);
    const began = context.elapsed();
    const { buildStack } = await import('../../cell-rep/stack.js');
    const { name, engine } = values;
    const { env } = context;
    const made = await buildStack({ name, engine, env, signal: context.interrupted, onStep: context.note });
    const npm = made.npm === undefined ? [] : [`npm ${made.npm}`];
    const contains = [`Node.js ${made.node}`, ...npm, plural(made.programs.length, 'program')];
    const rows = [
      ['image', `${made.name}, ${bytes(made.bytes)}`],
      ['engine', `${made.version} at ${made.where}`],
      ['contains', contains.join(', ')],
      ...made.left.map((reason) => ['without', reason]),
    ];
    context.print(table(rows));
    context.note(`made and tried out in ${seconds(context.elapsed() - began)}`);
    if (made.name === STACK_IMAGE)
      context.note(
        "applications run in it from the next 'npm start' on, and on cells with 'runtime: docker'",
      );
    return 0;
  },
};
