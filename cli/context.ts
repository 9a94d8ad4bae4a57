import type { ApiClient } from './http/api-client.js';
import type { Screen } from './screen.js';

/** What a command may use of the world. Handed in by main, so that commands can be run in tests. */
export interface Context {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** a line for stdout: what was asked for */
  print(text: string): void;
  /** resolves when whoever reads stdout has caught up: to wait for where much is printed */
  drained(): Promise<void>;
  /** a line for stderr: progress and remarks */
  note(text: string): void;
  /** replaces the last progress line where stderr is a terminal; otherwise does nothing */
  progress(text: string): void;
  /** width of a line that people read */
  readonly columns: number;
  /** the terminal to draw on; undefined where stdout is none */
  readonly screen: Screen | undefined;
  /** whether this machine finds an address for a host name */
  resolves(host: string): Promise<boolean>;
  sleep(ms: number): Promise<void>;
  /** ms, monotonic */
  elapsed(): number;
  /** ms since the epoch */
  now(): number;
  /** aborted by Ctrl-C */
  readonly interrupted: AbortSignal;
  /** as Ctrl-C does it */
  interrupt(): void;
  api(): ApiClient;
}

export interface Command {
  readonly name: string;
  /** `scale NAME -i INSTANCES` */
  readonly usage: string;
  readonly summary: string;
  /** what `--help` says of each option: `-i INSTANCES`, what it does */
  readonly options?: readonly (readonly [option: string, meaning: string])[];
  /** the exit status */
  run(context: Context, args: readonly string[]): Promise<number>;
}

/** Waits between two looks at something. Ends at once, with the signal's error, when the user interrupts. */
export const pause = ({ sleep, interrupted }: Context, ms: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => reject(interrupted.reason as Error);
    if (interrupted.aborted) return stop();
    interrupted.addEventListener('abort', stop, { once: true });
    return sleep(ms).then(() => {
      interrupted.removeEventListener('abort', stop);
      resolve();
    }, reject);
  });

/** For what must still be done after Ctrl-C. */
export const undisturbed = (context: Context): Context => ({
  ...context,
  interrupted: new AbortController().signal,
  api: () => context.api().undisturbed(),
});
