import type { LogBatch, LogLine } from '../../common/model/logs.js';
import { isToken } from '../../common/model/ids.js';
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
/** bytes of lines kept per source while the bus is away; the oldest go first */
const UNSENT_BYTES = 256 * 1024;

interface Waiting {
  readonly source: LogSource;
  lines: LogLine[];
  /** of payloads, decoded */
  bytes: number;
  last: bigint;
  /** to be forgotten when its lines are out */
  closed: boolean;
}

const keyOf = ({ logGuid, index }: LogSource): string => `${logGuid}.${index}`;

const sizeOf = (line: LogLine): number => (line.payload.length * 3) / 4;

export interface LogPublisherOptions {
  cellId: string;
  bus: Bus;
  clock: Clock;
  logger: Logger;
}

export const createLogPublisher = (options: LogPublisherOptions): LogPublisher => {
  const { cellId, bus, clock, logger } = options;
  const sources = new Map<string, Waiting>();
  let timer: Cancel | undefined;
  let lost = 0;

  const batchOf = ({ source }: Waiting, lines: LogLine[]): LogBatch => ({
    sourceId: source.tags['source_id'] ?? source.logGuid,
    instanceId: String(source.index),
    tags: source.tags,
    sender: { cellId, sentAt: String(BigInt(Math.round(clock.now())) * 1_000_000n) },
    lines,
  });

  const send = (waiting: Waiting): void => {
    if (waiting.lines.length === 0 || !bus.connected()) return;
    const bytes = Buffer.from(JSON.stringify(batchOf(waiting, waiting.lines)));
    if (!bus.publish(logSubject(waiting.source.logGuid, waiting.source.index), bytes)) return;
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
    }
  };

  const flushAll = (): void => {
    timer?.();
    timer = undefined;
    for (const waiting of sources.values()) send(waiting);
  };

  const sourceOf = (source: LogSource): Waiting => {
    const key = keyOf(source);
    const waiting = sources.get(key) ?? { source, lines: [], bytes: 0, last: 0n, closed: false };
    waiting.closed = false;
    sources.set(key, waiting);
    return waiting;
  };

  bus.onConnection((connected) => {
    if (!connected) return;
    if (lost > 0) logger.info('log-lines-lost-while-disconnected', { lines: lost });
    lost = 0;
    flushAll();
  });

  return {
    append(source, line) {
      if (!isToken(source.logGuid)) return;
      const waiting = sourceOf(source);
      waiting.last = line.timestamp > waiting.last ? line.timestamp : waiting.last + 1n;
      const payload = Buffer.from(line.bytes).toString('base64');
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
