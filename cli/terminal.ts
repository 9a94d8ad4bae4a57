/** Where text goes: a stream of the process, or a test's own. */
export interface Output {
  write(text: string): unknown;
  /** its reader is slower than its writer: what is written waits in memory until 'drain' */
  readonly writableNeedDrain?: boolean | undefined;
  once?(event: 'drain', listener: () => void): unknown;
  readonly isTTY?: boolean | undefined;
}

export interface Terminal {
  /** a line for stdout */
  print(text: string): void;
  /** resolves when whoever reads stdout has caught up: to wait for where much is printed */
  drained(): Promise<void>;
  /** a line for stderr */
  note(text: string): void;
  /** the one line that is replaced by the next; only where stderr is a terminal */
  progress(text: string): void;
  /** takes a progress line away */
  clear(): void;
}

const START_OF_LINE = '\r\u001b[K';

/** Progress never stays: what follows says how it ended. */
export const createTerminal = ({ stdout, stderr }: { stdout: Output; stderr: Output }): Terminal => {
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write(START_OF_LINE);
    shown = false;
  };
  return {
    clear,
    print(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    drained: () =>
      new Promise((resolve) => {
        if (stdout.writableNeedDrain === true && stdout.once) stdout.once('drain', resolve);
        else resolve();
      }),
    note(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      if (stderr.isTTY !== true) return;
      stderr.write(`${START_OF_LINE}${text}`);
      shown = true;
    },
  };
};
