import { lookup } from 'node:dns/promises';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { COMPONENTS } from '../common/model/well-known.js';
import type { Context } from './context.js';
import { type ApiClient, createApiClient } from './http/api-client.js';
import { findTarget } from './http/target.js';
import { runCommand } from './run.js';
import { createScreen } from './screen.js';
import { createTerminal } from './terminal.js';

/** Commands that run until a signal, and mind their signals themselves. */
const SERVERS: readonly string[] = ['up', ...COMPONENTS];

/** columns: longer lines are hard to read, however wide the terminal */
const WIDEST = 100;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal asks for an end, the second one ends the process: then the system's own way of it is back. */
const listenForInterruption = (interruption: AbortController): void => {
  for (const signal of SIGNALS) process.once(signal, () => interruption.abort());
};

/** `outcry logs app | head`: whoever reads has had enough. */
const endWithReader = (): void => {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
};

const resolves = (host: string): Promise<boolean> =>
  lookup(host).then(
    () => true,
    () => false,
  );

/** Runs one command. Returns the exit status; every failure has been printed. */
export const main = async (argv: readonly string[]): Promise<number> => {
  const interruption = new AbortController();
  if (!SERVERS.includes(argv[0] ?? '')) listenForInterruption(interruption);
  const interrupted = interruption.signal;
  endWithReader();
  const clock = createSystemClock();
  const { print, drained, note, progress, clear } = createTerminal(process);
  let client: ApiClient | undefined;
  const context: Context = {
    cwd: process.cwd(),
    env: process.env,
    print,
    drained,
    note,
    progress,
    columns: Math.min(WIDEST, process.stdout.columns ?? WIDEST),
    screen: createScreen(process, process.env.TERM),
    resolves,
    sleep: (ms) => clock.sleep(ms),
    elapsed: () => clock.monotonic(),
    now: () => clock.now(),
    interrupted,
    interrupt: () => interruption.abort(),
    api: () => (client ??= createApiClient({ ...findTarget(process.env), signal: interrupted })),
  };
  try {
    return await runCommand(context, argv);
  } finally {
    clear();
    await client?.close();
  }
};
