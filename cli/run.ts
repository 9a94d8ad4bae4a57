import { OutcryError } from '../common/model/errors.js';
import { nearest } from '../common/model/nearest.js';
import { COMMANDS } from './commands/index.js';
import type { Command, Context } from './context.js';
import { errorLine } from './error-line.js';
import { glossary, wrap } from './output.js';

/** What shells report of a command ended by Ctrl-C. */
const INTERRUPTED = 130;

const HELP_WORDS = ['--help', '-h'];

/** Without its options. */
const synopsis = (usage: string): string => usage.replace(/ \[(-|OPTIONS).*$/, ' …');

const WHERE =
  "'outcry help COMMAND' says more. The API is found in ~/.outcry (OUTCRY_DATA names another directory), " +
  'or by OUTCRY_API, OUTCRY_TOKEN and, with TLS, OUTCRY_CA.';

const USAGE = 'usage: ';

const overview = (columns: number): string => {
  const rows = COMMANDS.map(({ usage, summary }) => [`outcry ${synopsis(usage)}`, summary] as const);
  return `Outcry: push applications, submit tasks, see where they run.

${glossary(rows, columns)}

${wrap(WHERE, columns).join('\n')}`;
};

const helpOf = ({ usage, summary, options = [] }: Command, columns: number): string => {
  const [first = '', ...more] = wrap(`outcry ${usage}`, columns - USAGE.length);
  const below = more.map((line) => ' '.repeat(USAGE.length) + line);
  const lines = [USAGE + first, ...below, ...wrap(summary, columns)];
  return [...lines, ...(options.length === 0 ? [] : ['', glossary(options, columns)])].join('\n');
};

const findCommand = (name: string): Command => {
  const command = COMMANDS.find((one) => one.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((one) => one.name);
  const meant = nearest(name, names) ?? names.find((one) => one.startsWith(name.slice(0, 3))) ?? 'help';
  throw new OutcryError('COMMAND_UNKNOWN', { name, nearest: `outcry ${meant}` });
};

/** `--help` among a command's own words; what comes after `--` is somebody else's. */
const asksForHelp = (args: readonly string[]): boolean => {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).some((word) => HELP_WORDS.includes(word));
};

const runNamed = async (context: Context, [name = 'help', ...args]: readonly string[]): Promise<number> => {
  const isHelp = name === 'help' || HELP_WORDS.includes(name);
  const [about] = args;
  if (isHelp && about === undefined) {
    context.print(overview(context.columns));
    return 0;
  }
  const command = findCommand(isHelp ? (about ?? '') : name);
  if (!isHelp && !asksForHelp(args)) return command.run(context, args);
  context.print(helpOf(command, context.columns));
  return 0;
};

/** Runs the command that the words name. Returns the exit status; every failure has been printed, in one line. */
export const runCommand = async (context: Context, argv: readonly string[]): Promise<number> => {
  try {
    return await runNamed(context, argv);
  } catch (error) {
    if (context.interrupted.aborted) return INTERRUPTED;
    context.note(errorLine(error));
    if (context.env.OUTCRY_DEBUG && error instanceof Error) context.note(String(error.stack));
    return 1;
  }
};
