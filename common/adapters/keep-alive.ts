import type { Cancel } from '../ports/clock.js';

/**
 * Keeps the process from ending by itself while it has nothing open: a server whose every peer is away still waits
 * for them. The system clock's timers do not, so that they hold up no end.
 */
export const keepAlive = (): Cancel => {
  const timer = setInterval(() => undefined, 2 ** 31 - 1);
  return () => clearInterval(timer);
};
