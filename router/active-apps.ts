import { deflate } from 'node:zlib';
import type { Bus } from '../common/ports/bus.js';
import type { Cancel, Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import type { Member } from '../common/runtime/group.js';
import { SUBJECTS } from '../common/wire/subjects.js';
import type { AccessRecord } from './core/access-line.js';

/** Applications that had requests since they were told of last. */
export interface ActiveApps {
  readonly member: Member;
  ended(record: AccessRecord): void;
}

export interface ActiveAppsOptions {
  readonly intervalMs: number;
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tells of them on the bus, as gorouter does for whoever counts or stops idle ones: a list in JSON, deflated. */
export const createActiveApps = ({ intervalMs, bus, clock, logger }: ActiveAppsOptions): ActiveApps => {
  let apps = new Set<string>();
  let cancel: Cancel | undefined;

  const tell = (): void => {
    const list = JSON.stringify([...apps]);
    apps = new Set();
    deflate(list, (error, bytes) => {
      if (error) logger.error('active-apps-not-told', { error });
      else bus.publish(SUBJECTS.routerActiveApps, bytes);
    });
  };

  return {
    member: {
      name: 'router-active-apps',
      start: () => void (cancel = clock.every(intervalMs, tell)),
      stop: () => cancel?.(),
    },
    ended({ endpoint }) {
      if (endpoint?.app) apps.add(endpoint.app);
    },
  };
};
