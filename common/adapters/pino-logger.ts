import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { OutcryError } from '../model/errors.js';
import type { LogFields, Logger } from '../ports/logger.js';

export interface PinoLoggerOptions {
  level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** where lines go; standard output when absent */
  destination?: DestinationStream;
}

/** How deep a chain of causes is followed. */
const MAX_CAUSES = 4;

/** Of the registry's errors what to do says more than where they were thrown. */
const placeOf = (error: Error): LogFields =>
  error instanceof OutcryError ? { remedy: error.remedy } : { stack: error.stack };

const describeError = (error: Error, depth = 0): LogFields => ({
  ...error,
  type: error.name,
  message: error.message,
  ...placeOf(error),
  ...(error.cause === undefined ? {} : { cause: describe(error.cause, depth + 1) }),
});

const describe = (value: unknown, depth = 0): unknown => {
  if (!(value instanceof Error)) return value;
  return depth < MAX_CAUSES ? describeError(value, depth) : value.message;
};

const describeFields = (fields: LogFields): LogFields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, describe(value)]));

/**
 * One JSON object per line: `time` (RFC 3339), `level` (its name), `event`, and the fields under `data`,
 * where they collide with nothing. Errors among the fields are written with type, message, stack and causes; those
 * of the registry with their remedy instead of the stack.
 */
export const createPinoLogger = (options: PinoLoggerOptions): Logger => {
  const settings = {
    level: options.level,
    base: null,
    messageKey: 'event',
    nestedKey: 'data',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const root = options.destination ? pino(settings, options.destination) : pino(settings);
  const session = (prefix: string, bound: LogFields): Logger => {
    const log =
      (level: 'debug' | 'info' | 'warn' | 'error') =>
      (event: string, fields?: LogFields): void => {
        if (root.isLevelEnabled(level)) root[level](describeFields({ ...bound, ...fields }), prefix + event);
      };
    return {
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      session: (name, fields) => session(`${prefix}${name}.`, { ...bound, ...fields }),
    };
  };
  return session('', {});
};
