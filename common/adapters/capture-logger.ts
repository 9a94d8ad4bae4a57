import type { LogFields, Logger } from '../ports/logger.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface CapturedEvent {
  readonly level: LogLevel;
  /** with the names of its sessions: `auction.fetching-cell-reps` */
  readonly event: string;
  readonly fields: LogFields;
}

export interface CaptureLogger extends Logger {
  /** what was logged so far, oldest first, sessions included */
  readonly events: readonly CapturedEvent[];
  /** events of that full name */
  named(event: string): CapturedEvent[];
}

/** Keeps what is logged, for tests that assert on it. */
export const createCaptureLogger = (): CaptureLogger => {
  const events: CapturedEvent[] = [];
  const session = (prefix: string, bound: LogFields): Logger => {
    const log =
      (level: LogLevel) =>
      (event: string, fields?: LogFields): void =>
        void events.push({ level, event: prefix + event, fields: { ...bound, ...fields } });
    return {
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      session: (name, fields) => session(`${prefix}${name}.`, { ...bound, ...fields }),
    };
  };
  return { ...session('', {}), events, named: (event) => events.filter((entry) => entry.event === event) };
};

const nothing = (): void => undefined;

/** Logs nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  session: () => silentLogger,
};
