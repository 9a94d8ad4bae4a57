import type { LogBatch, LogLine } from '../../common/model/logs.js';

/** Recent log lines by source, bounded; what log-cache is to Cloud Foundry. Times are ns and always BigInt. */

export interface LogEnvelope {
  timestamp: bigint;
  sourceType: string;
  instanceId: string;
  stream: 'OUT' | 'ERR';
  /** base64 */
  payload: string;
  /** shared by all lines of a batch */
  tags: Record<string, string>;
}

export interface LogLimits {
  linesPerSource: number;
  /** bytes over all sources: payloads as base64, and what a line costs beside */
  totalBytes: number;
}

export interface LogQuery {
  /** inclusive */
  startTime?: bigint;
  /** exclusive */
  endTime?: bigint;
  limit: number;
  descending: boolean;
  /** ns: now */
  now: bigint;
}

export interface LogBuffer {
  add(batch: LogBatch): void;
  read(sourceId: string, query: LogQuery): LogEnvelope[];
  drop(sourceId: string): void;
}

const SECOND = 1_000_000_000n;
/** Bytes of memory that a line takes beside its payload, about. */
const LINE_BYTES = 200;

interface Source {
  /** oldest first, no two with one timestamp */
  lines: LogEnvelope[];
}

const cost = (line: { payload: string }): number => line.payload.length + LINE_BYTES;

/** First position whose line is not older than `time`. */
const lowerBound = (lines: readonly LogEnvelope[], time: bigint): number => {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const line = lines[middle];
    if (line && line.timestamp < time) low = middle + 1;
    else high = middle;
  }
  return low;
};

const isSame = (a: LogEnvelope, b: LogEnvelope): boolean =>
  a.instanceId === b.instanceId &&
  a.payload === b.payload &&
  a.sourceType === b.sourceType &&
  a.stream === b.stream;

/**
 * Keeps times apart: a reader goes on at the last one + 1 ns, and would lose a second line of the same time. False for
 * a line that is there already: an instance's lines never share a time, and a rep that was killed tells its last ones
 * again when it is back.
 */
const insert = (lines: LogEnvelope[], envelope: LogEnvelope): boolean => {
  const last = lines.at(-1);
  if (!last || last.timestamp < envelope.timestamp) {
    lines.push(envelope);
    return true;
  }
  let at = lowerBound(lines, envelope.timestamp);
  let timestamp = envelope.timestamp;
  for (let other = lines[at]; other?.timestamp === timestamp; other = lines[at]) {
    if (isSame(other, envelope)) return false;
    at += 1;
    timestamp += 1n;
  }
  lines.splice(at, 0, { ...envelope, timestamp });
  return true;
};

/**
 * The one query by which a follower finds where to begin asks for the newest line; it must not be one of the
 * last second, else a talkative application never shows anything (reference: cf CLI).
 */
const newestSettled = (lines: readonly LogEnvelope[], now: bigint): LogEnvelope[] => {
  const at = lowerBound(lines, now - SECOND + 1n) - 1;
  return lines.slice(Math.max(at, 0), at + 1);
};

const select = (lines: readonly LogEnvelope[], query: LogQuery): LogEnvelope[] => {
  const from = query.startTime === undefined ? 0 : lowerBound(lines, query.startTime);
  const to = query.endTime === undefined ? lines.length : lowerBound(lines, query.endTime);
  const range = lines.slice(from, Math.max(from, to));
  if (!query.descending) return range.slice(0, query.limit);
  if (query.limit === 1) return newestSettled(range, query.now);
  return range.slice(-query.limit).reverse();
};

export const createLogBuffer = (limits: LogLimits): LogBuffer => {
  // insertion order = order of the last line: the quietest source comes first
  const sources = new Map<string, Source>();
  let totalBytes = 0;

  const shift = (source: Source, count: number): void => {
    for (const line of source.lines.splice(0, count)) totalBytes -= cost(line);
  };

  const makeRoom = (): void => {
    for (const [id, source] of sources) {
      while (totalBytes > limits.totalBytes && source.lines.length > 0) {
        shift(source, Math.max(1, source.lines.length >>> 2));
      }
      if (totalBytes <= limits.totalBytes) return;
      sources.delete(id);
    }
  };

  const addLine = (source: Source, line: LogLine, batch: LogBatch): void => {
    const { sourceType, stream, payload } = line;
    const { instanceId, tags } = batch;
    const envelope = { timestamp: BigInt(line.timestamp), sourceType, stream, payload, instanceId, tags };
    if (insert(source.lines, envelope)) totalBytes += cost(line);
  };

  return {
    add(batch) {
      if (batch.lines.length === 0) return;
      const source = sources.get(batch.sourceId) ?? { lines: [] };
      sources.delete(batch.sourceId);
      sources.set(batch.sourceId, source);
      for (const line of batch.lines) addLine(source, line, batch);
      shift(source, Math.max(0, source.lines.length - limits.linesPerSource));
      makeRoom();
    },
    read: (sourceId, query) => select(sources.get(sourceId)?.lines ?? [], query),
    drop(sourceId) {
      const source = sources.get(sourceId);
      if (source) shift(source, source.lines.length);
      sources.delete(sourceId);
    },
  };
};
