import type { Cancel } from '../ports/clock.js';

/** Whether a bus is connected, and who wants to know. */
export interface ConnectionState {
  up(): boolean;
  /** tells listeners when it changes something */
  set(up: boolean): void;
  onChange(listener: (up: boolean) => void): Cancel;
  /** down for good, without telling anybody */
  close(): void;
}

export const createConnectionState = (initial: boolean): ConnectionState => {
  const listeners = new Set<(up: boolean) => void>();
  let current = initial;
  let closed = false;
  return {
    up: () => current,
    set(up) {
      if (closed || up === current) return;
      current = up;
      for (const listener of Array.from(listeners)) listener(up);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      closed = true;
      current = false;
      listeners.clear();
    },
  };
};
