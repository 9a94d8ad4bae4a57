import { type ParseArgsConfig, parseArgs } from 'node:util';
import { OutcryError } from '../common/model/errors.js';
import { nearest } from '../common/model/nearest.js';
import { parseMegabytes } from '../common/model/units.js';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface ArgsSpec<O extends Options> {
  usage: string;
  options: O;
  /** what the words besides options stand for; one in brackets may be left out: `['NAME', '[COMMAND]']` */
  words: readonly string[];
  /** any number of words may follow */
  rest?: true;
}

export const usageError = (usage: string, problem: string): OutcryError =>
  new OutcryError('USAGE', { problem, usage });

/** Node's own text, without its advice. */
const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/\.\s/)[0] ?? '';

const problemOf = (error: unknown, options: Options): string => {
  const message = messageOf(error);
  const [, wanting] = /^Option '(--?[\w-]+).*argument (?:missing|is ambiguous)/.exec(message) ?? [];
  if (wanting !== undefined) return `the value of ${wanting} is missing, or begins with a dash`;
  const [, unknown] = /^Unknown option '--([^'=]+)/.exec(message) ?? [];
  const meant = unknown === undefined ? undefined : nearest(unknown, Object.keys(options));
  return meant === undefined ? message : `${message} (did you mean '--${meant}'?)`;
};

/** Reads a command's words and options; anything unexpected is a USAGE error that shows the usage. */
export const readArgs = <O extends Options>(spec: ArgsSpec<O>, args: readonly string[]) => {
  const parse = () =>
    parseArgs({ args: [...args], options: spec.options, allowPositionals: true, strict: true } as const);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    throw usageError(spec.usage, problemOf(error, spec.options));
  }
  const given = parsed.positionals.length;
  const missing = spec.words.slice(given).find((word) => !word.startsWith('['));
  if (missing !== undefined) throw usageError(spec.usage, `${missing} is missing`);
  const extra = spec.rest ? undefined : parsed.positionals[spec.words.length];
  if (extra !== undefined) throw usageError(spec.usage, `unexpected '${extra}'`);
  return parsed;
};

/** A whole number within bounds, as an option's value. */
export const readCount = (
  text: string | undefined,
  option: { name: string; min: number; max: number; usage: string },
): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= option.min && value <= option.max) return value;
  const { name, min, max } = option;
  throw usageError(option.usage, `${name} takes a whole number from ${min} to ${max}, not '${text}'`);
};

/** A size with its unit, in MB, as an option's value. */
export const readSize = (
  text: string | undefined,
  option: { name: string; usage: string },
): number | undefined => {
  if (text === undefined) return undefined;
  const size = parseMegabytes(text);
  if (size.ok) return size.value;
  throw usageError(option.usage, `${option.name} ${size.error}, not '${text}'`);
};
