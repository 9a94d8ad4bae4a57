import type { LogBatch, LogLine } from '../../common/model/logs.js';
import { isToken } from '../../common/model/ids.js';
import { lostLines } from '../core/log-lines.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { logSubject } from '../../common/wire/subjects.js';

export interface LogSource {
  logGuid: string;
  index: number;
  tags: Record<string, string>;
}

export interface RawLine {
  sourceType: string;
  stream: 'OUT' | 'ERR';
  bytes: Uint8Array;
  /** ns since the epoch; moved on when the source has used it already */
  timestamp: bigint;
}

/** Publishes lines of many sources as batches on `log.<guid>.<index>`. */
export interface LogPublisher {
  append(source: LogSource, line: RawLine): void;
  /** sends what waits, of one source or of all */
  flush(source?: LogSource): void;
  /** forgets a source when its last container has gone; it is flushed first */
  close(source: LogSource): void;
}

/** ms that a line may wait for company */
const BATCH_MS = 25;
const BATCH_LINES = 200;
/** bytes of payload per message; well below the bus's limit even in base64 with 200 envelopes */
const BATCH_BYTES = 256 * 1024;
/** bytes that the bus may have on their way: beyond, lines wait as if it were away, else a slow one would fill memory */
const UNDERWAY_BYTES = 8 * 1024 * 1024;
/** bytes after which the bus is asked how far it is */
const CONFIRM_BYTES = 1024 * 1024;
/** bytes of lines kept per source while the bus is away; the oldest go first */
const UNSENT_BYTES = 256 * 1024;

interface Waiting {
  readonly source: LogSource;
  lines: LogLine[];
  /** of payloads, decoded */
  bytes: number;
  last: bigint;
  /** lines given up since the last that went out */
  lost: number;
  /** to be forgotten when its lines are out */
  closed: boolean;
}

const keyOf = ({ logGuid, index }: LogSource): string => `${logGuid}.${index}`;

const sizeOf = (line: LogLine): number => (line.payload.length * 3) / 4;

/** Stands where lines are missing: before the first that was kept. */
const lossNotice = (first: LogLine, lost: number): LogLine => ({
  timestamp: String(BigInt(first.timestamp) - 1n),
  sourceType: first.sourceType,
  stream: 'ERR',
  payload: Buffer.from(lostLines(lost)).toString('base64'),
});

/** How much of what was published has not reached the server: the bus itself keeps whatever it is given. */
const createUnderway = (bus: Bus, onProgress: () => void) => {
  let sent = 0;
  let arrived = 0;
  let asking = false;
  const ask = async (): Promise<void> => {
    asking = true;
    const upTo = sent;
    await bus.flush();
    arrived = upTo;
    asking = false;
    onProgress();
  };
  return {
    isFull: (): boolean => sent - arrived >= UNDERWAY_BYTES,
    add(bytes: number): void {
      sent += bytes;
      if (!asking && sent - arrived >= CONFIRM_BYTES) void ask();
    },
  };
};

const batchOf = (
  { source }: Waiting,
  lines: LogLine[],
  { cellId, clock }: Pick<LogPublisherOptions, 'cellId' | 'clock'>,
): LogBatch => ({
  sourceId: source.tags['source_id'] ?? source.logGuid,
  instanceId: String(source.index),
  tags: source.tags,
  sender: { cellId, sentAt: String(BigInt(Math.round(clock.now())) * 1_000_000n) },
  lines,
});

export interface LogPublisherOptions {
  cellId: string;
  bus: Bus;
  clock: Clock;
  logger: Logger;
}

export const createLogPublisher = (options: LogPublisherOptions): LogPublisher => {
  const { bus, clock, logger } = options;
  const sources = new Map<string, Waiting>();
  let timer: Cancel | undefined;
  let lost = 0;

  const send = (waiting: Waiting): void => {
    const [first] = waiting.lines;
    if (first === undefined || !bus.connected() || underway.isFull()) return;
    const lines = waiting.lost > 0 ? [lossNotice(first, waiting.lost), ...waiting.lines] : waiting.lines;
    const bytes = Buffer.from(JSON.stringify(batchOf(waiting, lines, options)));
    if (!bus.publish(logSubject(waiting.source.logGuid, waiting.source.index), bytes)) return;
    underway.add(bytes.length);
    waiting.lost = 0;
    waiting.lines = [];
    waiting.bytes = 0;
    if (waiting.closed) sources.delete(keyOf(waiting.source));
  };

  /** what could not be sent waits for the bus, within bounds */
  const shed = (waiting: Waiting): void => {
    while (waiting.bytes > UNSENT_BYTES) {
      const oldest = waiting.lines.shift();
      if (oldest === undefined) return;
      waiting.bytes -= sizeOf(oldest);
      if (lost === 0) logger.warn('log-lines-dropped', { source: keyOf(waiting.source) });
      lost += 1;
      waiting.lost += 1;
    }
  };

  const flushAll = (): void => {
    timer?.();
    timer = undefined;
    for (const waiting of sources.values()) send(waiting);
    if (lost > 0 && bus.connected()) {
      logger.info('log-lines-lost', { lines: lost });
      lost = 0;
    }
  };
  const underway = createUnderway(bus, flushAll);

  const sourceOf = (source: LogSource): Waiting | undefined => {
    const key = keyOf(source);
    const known = sources.get(key);
    if (known === undefined && !isToken(source.logGuid)) return undefined;
    const waiting = known ?? { source, lines: [], bytes: 0, last: 0n, lost: 0, closed: false };
    waiting.closed = false;
    sources.set(key, waiting);
    return waiting;
  };

  bus.onConnection((connected) => {
    if (connected) flushAll();
  });

  return {
    append(source, line) {
      const waiting = sourceOf(source);
      if (waiting === undefined) return;
      waiting.last = line.timestamp > waiting.last ? line.timestamp : waiting.last + 1n;
      const { buffer, byteOffset, length } = line.bytes;
      const payload = Buffer.from(buffer, byteOffset, length).toString('base64');
      const { sourceType, stream } = line;
      waiting.lines.push({ timestamp: String(waiting.last), sourceType, stream, payload });
      waiting.bytes += line.bytes.length;
      if (waiting.lines.length >= BATCH_LINES || waiting.bytes >= BATCH_BYTES - 64 * 1024) send(waiting);
      if (waiting.bytes > UNSENT_BYTES) shed(waiting);
      timer ??= clock.after(BATCH_MS, flushAll);
    },
    flush(source) {
      if (source === undefined) return flushAll();
      const waiting = sources.get(keyOf(source));
      if (waiting !== undefined) send(waiting);
    },
    close(source) {
      const waiting = sources.get(keyOf(source));
      if (waiting === undefined) return;
      waiting.closed = true;
      if (waiting.lines.length === 0) sources.delete(keyOf(source));
      else send(waiting);
    },
  };
};
