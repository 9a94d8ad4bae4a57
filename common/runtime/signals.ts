import type { Logger } from '../ports/logger.js';
import type { Group } from './group.js';

/** SIGHUP: the terminal was closed; or, to one that has none: read again what may have been renewed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const;
export type EndSignal = (typeof SIGNALS)[number];

/** Exit statuses of a process that a signal ended, as shells count them. */
const HARD_EXIT: Readonly<Record<EndSignal, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
  SIGUSR1: 138,
};

/** The part of `process` that is used here. */
export interface SignalSource {
  on(signal: EndSignal, listener: (signal: EndSignal) => void): unknown;
  off(signal: EndSignal, listener: (signal: EndSignal) => void): unknown;
}

export interface RunOptions {
  logger: Logger;
  /** ends the run too, when it settles; a rejection is passed on after the members have stopped */
  until?: Promise<unknown>;
  /** what SIGHUP asks for, then; it ends the run when absent */
  onHangup?: () => void;
  /** what SIGUSR1 asks for: the run ends when it resolves. Without it nobody listens for that signal. */
  onDrain?: (() => Promise<void>) | undefined;
  /** `process` when absent */
  signals?: SignalSource;
  /** `process.exit` when absent */
  exit?: (status: number) => void;
}

/**
 * Starts the group, runs it until SIGINT, SIGTERM, SIGHUP (unless `onHangup` says otherwise) or `until`, and stops it. A second signal ends the
 * process at once, for those who do not want to wait. A signal while members still start takes effect
 * when they have started. Answers the signal, or 'done' when `until` came first.
 */
export const runUntilSignal = async (group: Group, options: RunOptions): Promise<EndSignal | 'done'> => {
  const { logger, signals = process, exit = (status) => process.exit(status) } = options;
  let onSignal: (signal: EndSignal) => void = () => undefined;
  const signalled = new Promise<EndSignal>((resolve) => {
    let seen = false;
    let draining = false;
    onSignal = (signal) => {
      if (signal === 'SIGHUP' && options.onHangup) {
        logger.info('signal', { signal });
        options.onHangup();
        return;
      }
      if (signal === 'SIGUSR1') {
        logger.info('signal', { signal, again: draining });
        if (!draining) void options.onDrain?.().finally(() => resolve(signal));
        draining = true;
        return;
      }
      logger.info('signal', { signal, again: seen });
      if (seen) exit(HARD_EXIT[signal]);
      seen = true;
      resolve(signal);
    };
  });
  const heard = SIGNALS.filter((signal) => signal !== 'SIGUSR1' || options.onDrain);
  for (const signal of heard) signals.on(signal, onSignal);
  // a rejection while members start is kept for after the start
  options.until?.catch(() => undefined);
  try {
    await group.start();
    const done = options.until?.then(() => 'done' as const);
    return await (done ? Promise.race([signalled, done]) : signalled);
  } finally {
    await group.stop();
    for (const signal of heard) signals.off(signal, onSignal);
  }
};
