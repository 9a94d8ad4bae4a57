/** Keeps programs running: started in order, started again when they end, stopped in reverse, kind by kind. */
import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { PidFile } from './leftovers.js';
import { stopInOrder } from './stop-order.js';

export interface Program {
  readonly name: string;
  /** neighbours of one kind stop side by side */
  readonly kind: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** ms that it gets to end by itself after SIGTERM */
  readonly graceMs: number;
  /** what it runs outlives it, and is taken over when it is started again */
  readonly adopts: boolean;
}

export interface SupervisorOptions {
  readonly programs: readonly Program[];
  readonly clock: Clock;
  /** where process ids are kept, so that the next start finds what a killed supervisor left */
  readonly pids: PidFile;
  /** what people should know: a program that ended and is started again */
  note(text: string): void;
}

export interface Supervisor {
  /** starts all, in order; does not wait until they are ready */
  start(): void;
  /** stops all, in reverse order, those of one kind side by side; whoever does not end in time is killed */
  stop(): Promise<void>;
  /** undefined while it does not run */
  pid(name: string): number | undefined;
}

/** A program that ran so long was sound: its next end is again the first. */
const SOUND_MS = 30_000;
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;
/** kept of what a program says on its error output, bytes */
const SAID_BYTES = 2_000;
/** for them to be heard; what a program has started may keep its error output open for ever */
const LAST_WORDS_MS = 200;

/** How a program ends that has done all it was there for, as a cell's rep when the cell was evacuated. */
const DONE = 'status 0';

/** Doubles with each end in a row, ms. */
export const restartDelayMs = (failures: number): number =>
  Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10));

interface Kept {
  readonly name: string;
  readonly kind: string;
  start(): void;
  stop(): Promise<void>;
  pid(): number | undefined;
}

/** The last line of what a program that has ended said, after a colon; it may still be on its way then. */
const lastWordsOf = ({ stderr }: ChildProcessByStdio<null, null, Readable>, clock: Clock) => {
  let said = '';
  stderr.on('data', (bytes: Buffer) => (said = (said + String(bytes)).slice(-SAID_BYTES)));
  const heard = new Promise<void>((resolve) => stderr.once('close', resolve));
  return async (): Promise<string> => {
    await new Promise<void>((resolve) => {
      const cancel = clock.after(LAST_WORDS_MS, resolve);
      void heard.then(cancel).then(resolve);
    });
    const line = said.trim().split('\n').at(-1) ?? '';
    return line === '' ? '' : `: ${line}`;
  };
};

const keep = (program: Program, { clock, pids, note }: SupervisorOptions): Kept => {
  const { name, kind } = program;
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let stopping = false;
  let failures = 0;
  let cancel: Cancel = () => undefined;

  const startAgain = (how: string, ranMs: number): void => {
    failures = ranMs > SOUND_MS ? 1 : failures + 1;
    const delay = restartDelayMs(failures - 1);
    note(`${name} ended ${how}; starting it again in ${(delay / 1000).toFixed(1)} s`);
    cancel = clock.after(delay, start);
  };

  const start = (): void => {
    const began = clock.monotonic();
    const { command, args, cwd } = program;
    // a group of its own: Ctrl-C is for the supervisor, which stops the others in order
    const running = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    const words = lastWordsOf(running, clock);
    child = running;
    if (running.pid !== undefined) pids.remember(program, running.pid);
    ended = new Promise((resolve) => {
      const end = async (how: string): Promise<void> => {
        if (child !== running) return;
        child = undefined;
        pids.forget(name);
        resolve();
        const ranMs = clock.monotonic() - began;
        const said = await words();
        if (stopping) return;
        if (how === DONE) note(`${name} has ended as it was asked to, and is not started again`);
        else startAgain(`(${how})${said}`, ranMs);
      };
      running.once('error', (error) => void end(error.message));
      running.once('exit', (code, signal) => void end(signal ?? `status ${code}`));
    });
  };

  return {
    name,
    kind,
    start,
    pid: () => child?.pid,
    async stop() {
      stopping = true;
      cancel();
      child?.kill('SIGTERM');
      const late = clock.after(program.graceMs, () => child?.kill('SIGKILL'));
      await ended;
      late();
    },
  };
};

export const createSupervisor = (options: SupervisorOptions): Supervisor => {
  const kept = options.programs.map((program) => keep(program, options));
  return {
    start() {
      for (const one of kept) one.start();
    },
    stop: () => stopInOrder(kept, (one) => one.stop()),
    pid: (name) => kept.find((one) => one.name === name)?.pid(),
  };
};
