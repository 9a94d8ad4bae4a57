import type { Context } from '../../cli/context.js';
import { type ApiClient, createApiClient } from '../../cli/http/api-client.js';
import { findTarget } from '../../cli/http/target.js';
import type { Screen, Size } from '../../cli/screen.js';
import { runCommand } from '../../cli/run.js';
import { createTerminal } from '../../cli/terminal.js';

export interface CliOptions {
  cwd?: string;
  /** where the API is; without: as `env` says */
  api?: { url: string; token: string; router?: string };
  env?: Record<string, string>;
  /** whether stderr is a terminal */
  tty?: boolean;
  /** of the terminal; 100 when absent */
  columns?: number;
  /** stdout is a terminal of this size, to draw on */
  screen?: Size;
  /** whether the machine finds host names; default: it does */
  resolves?: boolean;
  /** told of every wait; Ctrl-C is pressed with `interrupt` */
  onSleep?: (ms: number, cli: FakeCli) => void;
}

/** The command line without a process around it: time passes when a command waits, and only then. */
export interface FakeCli {
  context: Context;
  /** runs `outcry WORDS…` */
  run(...argv: string[]): Promise<number>;
  interrupt(): void;
  /** presses a key while the terminal is drawn on */
  press(key: string): void;
  /** what has been drawn, one after the other; undefined where the terminal was given back */
  drawn(): readonly (readonly string[] | undefined)[];
  /** all that went to stdout */
  out(): string;
  /** all that went to stderr */
  err(): string;
  /** the lines of stderr that tell of a failure */
  errors(): string[];
  close(): Promise<void>;
}

/** Notes what is drawn. */
const createFakeScreen = (size: Size) => {
  const frames: (readonly string[] | undefined)[] = [];
  let onKey: ((key: string) => void) | undefined;
  const screen: Screen = {
    size: () => size,
    open({ key }) {
      onKey = key;
      return {
        draw: (lines) => void frames.push(lines),
        close() {
          onKey = undefined;
          frames.push(undefined);
        },
      };
    },
  };
  return { screen, frames, press: (key: string) => onKey?.(key) };
};

/** ms since the epoch at which every fake command line begins */
export const CLI_START = Date.UTC(2026, 0, 2, 3, 4, 5);

export const createFakeCli = (options: CliOptions = {}): FakeCli => {
  const { cwd = process.cwd(), env = {}, tty = false } = options;
  const written = { out: '', err: '' };
  const terminal = createTerminal({
    stdout: { write: (text) => (written.out += text) },
    stderr: { write: (text) => (written.err += text), isTTY: tty },
  });
  const interruption = new AbortController();
  const drawn = options.screen && createFakeScreen(options.screen);
  let client: ApiClient | undefined;
  let passed = 0;

  const context: Context = {
    cwd,
    env: { HOME: '/nonexistent', ...env },
    print: terminal.print,
    drained: terminal.drained,
    note: terminal.note,
    progress: terminal.progress,
    resolves: async () => options.resolves !== false,
    async sleep(ms) {
      passed += ms;
      options.onSleep?.(ms, cli);
      // lets what the other side has to do be done first
      await new Promise((resolve) => setImmediate(resolve));
    },
    columns: options.columns ?? 100,
    screen: drawn?.screen,
    elapsed: () => passed,
    now: () => CLI_START + passed,
    interrupted: interruption.signal,
    interrupt: () => interruption.abort(),
    api: () =>
      (client ??= createApiClient({
        ...(options.api ?? findTarget(context.env)),
        signal: interruption.signal,
      })),
  };

  const cli: FakeCli = {
    context,
    run: (...argv) => runCommand(context, argv),
    interrupt: () => interruption.abort(),
    press: (key) => drawn?.press(key),
    drawn: () => drawn?.frames ?? [],
    out: () => written.out,
    err: () => written.err,
    errors: () => written.err.split('\n').filter((line) => line.startsWith('outcry: ')),
    close: async () => client?.close(),
  };
  return cli;
};
