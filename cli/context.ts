import type { ApiClient } from './http/api-client.js';

/** What a command may use of the world. Handed in by main, so that commands can be run in tests. */
export interface Context {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** a line for stdout: what was asked for */
  print(text: string): void;
  /** a line for stderr: progress and remarks */
  note(text: string): void;
  /** replaces the last progress line where stderr is a terminal; otherwise does nothing */
  progress(text: string): void;
  sleep(ms: number): Promise<void>;
  /** ms, monotonic */
  elapsed(): number;
  /** ms since the epoch */
  now(): number;
  /** aborted by Ctrl-C */
  readonly interrupted: AbortSignal;
  api(): ApiClient;
}

export interface Command {
  readonly name: string;
  /** `push DIR [-i N]` */
  readonly usage: string;
  readonly summary: string;
  /** the exit status */
  run(context: Context, args: readonly string[]): Promise<number>;
}
