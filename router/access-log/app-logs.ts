import { isToken } from '../../common/model/ids.js';
import type { LogBatch, LogLine } from '../../common/model/logs.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import { logSubject } from '../../common/wire/subjects.js';
import type { Endpoint } from '../core/endpoint.js';

/** Lines for the log of each application, as it is asked for its recent requests. */
export interface AppLogs {
  append(endpoint: Endpoint, line: string): void;
  /** sends what waits */
  flush(): void;
  /** lines given up: the bus was away, or they were too many at once */
  dropped(): number;
}

export interface AppLogsOptions {
  readonly bus: Pick<Bus, 'publish' | 'connected'>;
  readonly clock: Clock;
  /** the router's number: its place in the logs of an application */
  readonly index: number;
}

/** ms that a line may wait for company */
const BATCH_MS = 250;
/** characters of payload per message: far below the bus's limit */
const BATCH_SIZE = 256 * 1024;
/** lines of all applications that may wait for one turn of the timer */
const MOST_WAITING = 20_000;

interface Waiting {
  readonly tags: Readonly<Record<string, string>>;
  lines: LogLine[];
  size: number;
}

/** ns since the epoch as text, each later than the one before: readers go on after the last one they saw. */
const createTimes = (clock: Clock): (() => string) => {
  let [ms, nth] = [0, 0];
  return () => {
    const now = Math.floor(clock.now());
    if (now > ms) [ms, nth] = [now, 0];
    else nth += 1;
    return `${ms}${String(nth).padStart(6, '0')}`;
  };
};

/** Router logs of applications (source type RTR), in batches on `log.<app>.<router's index>`. */
export const createAppLogs = ({ bus, clock, index }: AppLogsOptions): AppLogs => {
  const apps = new Map<string, Waiting>();
  const nextTime = createTimes(clock);
  let waitingLines = 0;
  let dropped = 0;
  let timer: Cancel | undefined;

  const send = (app: string, { lines, tags }: Waiting): void => {
    const batch: LogBatch = { sourceId: app, instanceId: String(index), tags: { ...tags }, lines };
    waitingLines -= lines.length;
    if (!bus.publish(logSubject(app, index), Buffer.from(JSON.stringify(batch)))) dropped += lines.length;
  };

  const flush = (): void => {
    timer?.();
    timer = undefined;
    for (const [app, waiting] of apps) send(app, waiting);
    apps.clear();
  };

  const waitingOf = ({ app, tags }: Endpoint): Waiting => {
    let waiting = apps.get(app);
    if (!waiting) apps.set(app, (waiting = { tags, lines: [], size: 0 }));
    return waiting;
  };

  return {
    append(endpoint, line) {
      if (!isToken(endpoint.app)) return;
      if (waitingLines >= MOST_WAITING || !bus.connected()) {
        dropped += 1;
        return;
      }
      const waiting = waitingOf(endpoint);
      const payload = Buffer.from(line).toString('base64');
      waiting.lines.push({ timestamp: nextTime(), sourceType: 'RTR', stream: 'OUT', payload });
      waiting.size += payload.length;
      waitingLines += 1;
      timer ??= clock.after(BATCH_MS, flush);
      if (waiting.size < BATCH_SIZE) return;
      apps.delete(endpoint.app);
      send(endpoint.app, waiting);
    },
    flush,
    dropped: () => dropped,
  };
};
