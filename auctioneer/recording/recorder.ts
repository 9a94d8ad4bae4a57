import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { DecidedBatch } from '../core/recording/batch.js';
import { type Frames, closeFrames, createFrames } from './frames.js';
import { type BatchRecord, encodeBatch } from './record.js';
import { createSlices } from './slices.js';

/** Keeps the latest batches in memory, to be explained and replayed. */
export interface Recorder {
  readonly on: boolean;
  /** takes references and returns at once; what they refer to must not change any more */
  record(batch: DecidedBatch): void;
  /** resolves when everything that was given is kept, or dropped */
  settled(): Promise<void>;
  /** newest first */
  records(): BatchRecord[];
  held(): RecorderHolds;
  /** what still waits to be encoded is dropped */
  stop(): void;
}

export interface RecorderHolds {
  bytes: number;
  batches: number;
  /** since the start, for want of room or of time to encode them */
  dropped: number;
}

export interface RecorderOptions {
  clock: Clock;
  logger: Logger;
  /** of everything that is kept; 0 = nothing is recorded */
  maxBytes: number;
}

/** Batches that may wait to be encoded; until then they hold on to their states. */
const MAX_WAITING = 8;

/** A group is full when it holds this share of all: so much is dropped at a time. */
const USUAL_SHARE = 1 / 8;
/** Where key frames are so large that they would be most of what is kept, groups are larger, up to this share. */
const LARGEST_SHARE = 1 / 2;
const KEY_FRAMES = 3;

/** A key frame, and the batches that build on it: they can only be dropped together. */
interface Group {
  readonly frames: Frames;
  readonly records: BatchRecord[];
  /** bytes after the first batch */
  keyFrameBytes: number;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const bytesOf = ({ frames, records }: Group): number => frames.bytes + sum(records.map(({ bytes }) => bytes));

/** The groups, oldest first. */
const createGroups = (maxBytes: number, onDropped: (batches: number) => void) => {
  let groups: Group[] = [];
  const bytes = (): number => sum(groups.map(bytesOf));

  const isFull = (group: Group): boolean => {
    const enough = Math.max(maxBytes * USUAL_SHARE, KEY_FRAMES * group.keyFrameBytes);
    return bytesOf(group) >= Math.min(enough, maxBytes * LARGEST_SHARE);
  };

  const trim = (): void => {
    while (bytes() > maxBytes) {
      const [oldest, ...others] = groups;
      if (oldest === undefined) return;
      groups = others;
      if (oldest.records.length > 0) onDropped(oldest.records.length);
    }
  };

  return {
    bytes,
    records: (): BatchRecord[] => groups.flatMap(({ records }) => records).reverse(),
    /** the group that the next batch belongs to */
    current(): Group {
      const last = groups.at(-1);
      if (last !== undefined && !isFull(last)) return last;
      if (last !== undefined) closeFrames(last.frames);
      const next = { frames: createFrames(), records: [], keyFrameBytes: 0 };
      groups.push(next);
      return next;
    },
    keep(group: Group, record: BatchRecord): void {
      group.records.push(record);
      group.keyFrameBytes ||= group.frames.bytes;
      trim();
    },
  };
};

const OFF: Recorder = {
  on: false,
  record: () => undefined,
  settled: async () => undefined,
  records: () => [],
  held: () => ({ bytes: 0, batches: 0, dropped: 0 }),
  stop: () => undefined,
};

/**
 * A recorder that keeps nothing which lasts. Batches are encoded afterwards, one after another and in slices, so that
 * neither the next batch nor anything else waits for it.
 */
export const createRecorder = ({ clock, logger, maxBytes }: RecorderOptions): Recorder => {
  if (maxBytes === 0) return OFF;
  let waiting: DecidedBatch[] = [];
  let working: Promise<void> | undefined;
  let dropped = 0;
  const drop = (batches: number): void => {
    dropped += batches;
  };
  const groups = createGroups(maxBytes, drop);

  const encodeOne = async (batch: DecidedBatch): Promise<void> => {
    const group = groups.current();
    try {
      groups.keep(group, await encodeBatch(batch, group.frames, createSlices(clock)));
    } catch (error) {
      logger.error('recording-failed', { traceId: batch.id, error });
      drop(1);
    }
  };

  const encodeAll = async (): Promise<void> => {
    await clock.sleep(0);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await encodeOne(next);
    working = undefined;
  };

  return {
    on: true,
    record(batch) {
      if (waiting.length >= MAX_WAITING) return drop(1);
      waiting.push(batch);
      working ??= encodeAll();
    },
    settled: () => working ?? Promise.resolve(),
    records: groups.records,
    held: () => ({ bytes: groups.bytes(), batches: groups.records().length, dropped }),
    stop: () => void (waiting = []),
  };
};
