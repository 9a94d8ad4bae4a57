import { createHash } from 'node:crypto';
import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Member } from '../../common/runtime/group.js';
import { createAccessLineFormat, NO_LIMITS, SHORTENED } from '../core/access-line.js';
import type { AccessLineFormat, AccessLineOptions, AccessRecord } from '../core/access-line.js';
import { createAppLogs } from './app-logs.js';
import { openLineFile } from './line-file.js';
import type { LineFile } from './line-file.js';

/** What the access log is, and what it shows. */
export interface AccessLogConfig extends Omit<AccessLineOptions, 'digest'> {
  readonly file: string | undefined;
  readonly stdout: boolean;
  /** each application's requests go to its own log */
  readonly appLogs: boolean;
}

export interface AccessLog {
  /** to start before what serves requests, and so to stop after it */
  readonly member: Member;
  /** the request is through now */
  ended(record: AccessRecord): void;
  /** lines given up so far */
  dropped(): number;
}

export interface AccessLogOptions {
  readonly config: AccessLogConfig;
  readonly bus: Pick<Bus, 'publish' | 'connected'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** the router's number */
  readonly index: number;
}

/** bytes beyond which gorouter cuts: more is no packet of a log system */
const LONGEST_APP_LINE = 65_400;

const digest = (query: string): string => createHash('sha1').update(query).digest('hex');

const shortened = (record: AccessRecord, endedAt: number, format: AccessLineFormat): string =>
  format(record, endedAt, SHORTENED).slice(0, LONGEST_APP_LINE);

/** One line per request: in a file, on standard output, in the log of its application. */
export const createAccessLog = (options: AccessLogOptions): AccessLog => {
  const { config, clock, logger } = options;
  const format = createAccessLineFormat({ ...config, digest });
  const apps = config.appLogs ? createAppLogs(options) : undefined;
  let files: readonly LineFile[] = [];
  const wanted = [...(config.file === undefined ? [] : [config.file]), ...(config.stdout ? [undefined] : [])];

  return {
    member: {
      name: 'router-access-log',
      start: () => void (files = wanted.map((path) => openLineFile({ path, clock, logger }))),
      async stop() {
        apps?.flush();
        await Promise.all(files.map((file) => file.close()));
      },
      // whoever rotates logs moves the file away, and then asks for a new one
      renew: () => files.forEach((file) => file.reopen()),
    },
    ended(record) {
      const app = record.endpoint?.app ? apps : undefined;
      if (wanted.length === 0 && app === undefined) return;
      const endedAt = clock.monotonic();
      const line = format(record, endedAt, NO_LIMITS);
      for (const file of files) file.write(line);
      if (app === undefined || !record.endpoint) return;
      app.append(record.endpoint, line.length > LONGEST_APP_LINE ? shortened(record, endedAt, format) : line);
    },
    dropped: () => files.reduce((sum, file) => sum + file.dropped(), apps?.dropped() ?? 0),
  };
};
