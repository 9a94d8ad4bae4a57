import { createSystemClock } from '../common/adapters/system-clock.js';
import { OutcryError } from '../common/model/errors.js';
import { COMMANDS } from './commands/index.js';
import type { Command, Context } from './context.js';
import { errorLine } from './error-line.js';
import { type ApiClient, createApiClient } from './http/api-client.js';
import { findTarget } from './http/target.js';
import { table } from './output.js';

const help = (): string => {
  const rows = COMMANDS.map(({ usage, summary }) => [`  outcry ${usage}`, summary]);
  return `Outcry: push applications, submit tasks, see where they run.\n\n${table(rows)}\n
The API is found in ~/.outcry (OUTCRY_DATA), or by OUTCRY_API and OUTCRY_TOKEN.`;
};

const nearestCommand = (name: string): string => {
  const close = COMMANDS.find((command) => command.name.startsWith(name.slice(0, 3)));
  return close === undefined ? 'outcry help' : `outcry ${close.usage}`;
};

const createContext = (interrupted: AbortSignal): { context: Context; close(): Promise<void> } => {
  const clock = createSystemClock();
  let client: ApiClient | undefined;
  let unfinished = false;
  const endProgress = (): void => {
    if (unfinished) process.stderr.write('\n');
    unfinished = false;
  };
  const context: Context = {
    cwd: process.cwd(),
    env: process.env,
    print(text) {
      endProgress();
      process.stdout.write(`${text}\n`);
    },
    note(text) {
      endProgress();
      process.stderr.write(`${text}\n`);
    },
    progress(text) {
      if (!process.stderr.isTTY) return;
      process.stderr.write(`\r\u001b[K${text}`);
      unfinished = true;
    },
    sleep: (ms) => clock.sleep(ms),
    elapsed: () => clock.monotonic(),
    now: () => clock.now(),
    interrupted,
    api: () => (client ??= createApiClient(findTarget(process.env))),
  };
  return { context, close: async () => client?.close() };
};

const findCommand = (name: string): Command => {
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined)
    throw new OutcryError('COMMAND_UNKNOWN', { name, nearest: nearestCommand(name) });
  return command;
};

/** Runs one command. Returns the exit status; every failure has been printed. */
export const main = async (argv: readonly string[]): Promise<number> => {
  const [name = 'help', ...args] = argv;
  if (['help', '--help', '-h'].includes(name)) {
    process.stdout.write(`${help()}\n`);
    return 0;
  }
  const interruption = new AbortController();
  // `up` minds its signals itself
  if (name !== 'up') process.once('SIGINT', () => interruption.abort());
  const { context, close } = createContext(interruption.signal);
  try {
    const command = findCommand(name);
    if (args.includes('--help')) {
      context.print(`usage: outcry ${command.usage}\n${command.summary}`);
      return 0;
    }
    return await command.run(context, args);
  } catch (error) {
    if (interruption.signal.aborted) return 130;
    context.note(errorLine(error));
    if (process.env.OUTCRY_DEBUG !== undefined && error instanceof Error) context.note(String(error.stack));
    return 1;
  } finally {
    await close();
  }
};
