import type { Output } from './terminal.js';

export interface Size {
  columns: number;
  rows: number;
}

/** A terminal as a place to draw on. */
export interface Screen {
  size(): Size;
  /** takes the whole of it until it is closed, which leaves it as it was; keys come one by one, Ctrl-C as `\u0003` */
  open(on: { key(key: string): void; resize(): void }): OpenScreen;
}

export interface OpenScreen {
  /** in place of what was there; lines that are too many are left out */
  draw(lines: readonly string[]): void;
  /** again does nothing */
  close(): void;
}

type Listener<A extends unknown[]> = (...args: A) => void;

/** The parts of `process.stdout` that it takes. */
export interface ScreenOutput extends Output {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on(event: 'resize', listener: Listener<[]>): unknown;
  off(event: 'resize', listener: Listener<[]>): unknown;
}

/** The parts of `process.stdin` that it takes. */
export interface Keyboard {
  readonly isTTY?: boolean | undefined;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: Listener<[Uint8Array | string]>): unknown;
  off(event: 'data', listener: Listener<[Uint8Array | string]>): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** Another screen than the one with the shell's lines, without a cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const TO_END_OF_LINE = '\u001b[K';
const TO_END_OF_SCREEN = '\u001b[J';

/** Of terminals that do not say how large they are. */
const USUAL: Size = { columns: 80, rows: 24 };

const frame = (lines: readonly string[]): string =>
  `${HOME}${lines.map((line) => line + TO_END_OF_LINE).join('\r\n')}${TO_END_OF_SCREEN}`;

/** Reads keys as they are pressed, where there is a keyboard. The function gives it back. */
const listen = (keyboard: Keyboard, onKey: (key: string) => void): (() => void) => {
  if (keyboard.isTTY !== true) return () => undefined;
  const take = (data: Uint8Array | string): void => {
    for (const key of typeof data === 'string' ? data : Buffer.from(data).toString('utf8')) onKey(key);
  };
  keyboard.setRawMode?.(true);
  keyboard.on('data', take);
  keyboard.resume();
  return () => {
    keyboard.off('data', take);
    keyboard.setRawMode?.(false);
    keyboard.pause();
  };
};

/** Undefined where stdout is no terminal, or one that nothing can be drawn on. */
export const createScreen = (
  { stdin, stdout }: { stdin: Keyboard; stdout: ScreenOutput },
  term: string | undefined,
): Screen | undefined => {
  if (stdout.isTTY !== true || term === 'dumb') return undefined;
  const size = (): Size => ({
    columns: stdout.columns || USUAL.columns,
    rows: stdout.rows || USUAL.rows,
  });
  return {
    size,
    open({ key, resize }) {
      stdout.write(ENTER);
      stdout.on('resize', resize);
      const giveBack = listen(stdin, key);
      let open = true;
      return {
        draw(lines) {
          if (open) stdout.write(frame(lines.slice(0, size().rows)));
        },
        close() {
          if (!open) return;
          open = false;
          giveBack();
          stdout.off('resize', resize);
          stdout.write(LEAVE);
        },
      };
    },
  };
};
