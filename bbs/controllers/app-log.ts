import { isToken } from '../../common/model/ids.js';
import type { LogBatch } from '../../common/model/logs.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { logSubject } from '../../common/wire/subjects.js';

/** What the board has to say to the people whose application it is, in the application's own log. */
export interface AppLog {
  /** `logGuid`: whose log; nothing is said to one that cannot be a subject */
  tell(logGuid: string, text: string): void;
}

/** Diego's name of the BBS in the logs of applications (BBS API sheet §9). */
const SOURCE_TYPE = 'DIEGO-API';
const NS_PER_MS = 1_000_000n;

export const createAppLog = (options: { bus: Bus; clock: Clock; logger: Logger }): AppLog => {
  const { bus, clock, logger } = options;

  const batchOf = (sourceId: string, text: string): LogBatch => ({
    sourceId,
    instanceId: '0',
    tags: {},
    lines: [
      {
        timestamp: String(BigInt(Math.floor(clock.now())) * NS_PER_MS),
        sourceType: SOURCE_TYPE,
        stream: 'ERR',
        payload: Buffer.from(text).toString('base64'),
      },
    ],
  });

  return {
    tell(logGuid, text) {
      if (!isToken(logGuid)) return;
      unattended({ logger, event: 'app-log.failed', fields: { logGuid } }, () =>
        bus.publish(logSubject(logGuid, 0), Buffer.from(JSON.stringify(batchOf(logGuid, text)))),
      );
    },
  };
};
