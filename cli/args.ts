import { type ParseArgsConfig, parseArgs } from 'node:util';
import { OutcryError } from '../common/model/errors.js';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface ArgsSpec<O extends Options> {
  usage: string;
  options: O;
  /** how many words besides options */
  positionals: { min: number; max: number };
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('. ')[0] ?? '';

/** Reads a command's words and options; anything unexpected is a USAGE error that shows the usage. */
export const readArgs = <O extends Options>(spec: ArgsSpec<O>, args: readonly string[]) => {
  const parse = () =>
    parseArgs({ args: [...args], options: spec.options, allowPositionals: true, strict: true } as const);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    throw new OutcryError('USAGE', { problem: messageOf(error), usage: spec.usage });
  }
  const { min, max } = spec.positionals;
  if (parsed.positionals.length < min) throw usage(spec.usage, 'something is missing');
  if (parsed.positionals.length > max) throw usage(spec.usage, `unexpected '${parsed.positionals[max]}'`);
  return parsed;
};

const usage = (text: string, problem: string): OutcryError =>
  new OutcryError('USAGE', { problem, usage: text });

/** A whole number within bounds, as an option's value. */
export const readCount = (
  text: string | undefined,
  option: { name: string; min: number; max: number; usage: string },
): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= option.min && value <= option.max) return value;
  throw usage(
    option.usage,
    `${option.name} takes a whole number from ${option.min} to ${option.max}, not '${text}'`,
  );
};
