import type { Clock } from '../ports/clock.js';
import type { Member } from '../runtime/group.js';
import { acquireDataLock, dataLockError } from './data-lock.js';
import type { DataLock } from './data-lock.js';

/** Holds a component's data directory while its process runs; DATA_DIR_LOCKED or DATA_DIR_UNREADABLE at start. */
export const createDataLock = (dataDir: string, { clock }: { clock: Clock }): Member => {
  let lock: DataLock | undefined;
  return {
    name: 'data-lock',
    start() {
      const acquired = acquireDataLock(dataDir, {
        pid: process.pid,
        startedAt: new Date(clock.now()).toISOString(),
        command: process.argv.slice(1).join(' '),
      });
      if (!acquired.ok) throw dataLockError(acquired.error, 'data_dir in its configuration');
      lock = acquired.value;
    },
    stop: () => lock?.release(),
  };
};
