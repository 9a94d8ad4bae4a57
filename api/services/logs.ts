import type { LogBatch, LogLine } from '../../common/model/logs.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { ANY_LOG } from '../../common/wire/subjects.js';
import type { LogEnvelope, LogLimits, LogQuery } from '../core/log-buffer.js';
import { createCellClocks } from '../core/cell-clocks.js';
import { createLogBuffer } from '../core/log-buffer.js';
import { isMapping } from '../../common/model/read.js';

/** Recent output of applications and of the platform about them. */
export interface Logs {
  start(): void;
  stop(): void;
  read(sourceId: string, query: Omit<LogQuery, 'now'>): LogEnvelope[];
  /** a line of the platform's own: source type `API` or `STG` */
  tell(line: { sourceId: string; sourceType: 'API' | 'STG'; text: string; stream?: 'OUT' | 'ERR' }): void;
  drop(sourceId: string): void;
}

export interface LogsOptions {
  bus: Bus;
  clock: Clock;
  logger: Logger;
  limits: LogLimits;
}

const isTextMap = (value: unknown): value is Record<string, string> =>
  isMapping(value) && Object.values(value).every((entry) => typeof entry === 'string');

/** ns since the epoch */
const isTime = (value: unknown): value is string => typeof value === 'string' && /^\d{1,20}$/.test(value);

const isLine = (value: unknown): value is LogLine =>
  isMapping(value) &&
  isTime(value['timestamp']) &&
  typeof value['sourceType'] === 'string' &&
  typeof value['payload'] === 'string' &&
  (value['stream'] === 'OUT' || value['stream'] === 'ERR');

const isSender = (value: unknown): value is NonNullable<LogBatch['sender']> =>
  isMapping(value) && typeof value['cellId'] === 'string' && isTime(value['sentAt']);

/** What a cell sent, if it is a batch: readers would choke on anything else. */
const parseBatch = (payload: Uint8Array): LogBatch | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isMapping(value)) return undefined;
  const { sourceId, instanceId, lines, sender } = value;
  const tags = value['tags'] ?? {};
  if (typeof sourceId !== 'string' || typeof instanceId !== 'string' || !Array.isArray(lines))
    return undefined;
  if (sourceId === '' || !isTextMap(tags) || !lines.every(isLine)) return undefined;
  if (sender !== undefined && !isSender(sender)) return undefined;
  return { sourceId, instanceId, tags, lines, ...(sender && { sender }) };
};

const NS_PER_MS = 1_000_000n;

export const createLogs = (options: LogsOptions): Logs => {
  const { bus, clock, logger } = options;
  const buffer = createLogBuffer(options.limits);
  const clocks = createCellClocks();
  const now = (): bigint => BigInt(Math.floor(clock.now())) * NS_PER_MS;
  let cancel: Cancel | undefined;

  return {
    start() {
      cancel = bus.subscribe(ANY_LOG, ({ subject, payload }) => {
        const batch = parseBatch(payload);
        if (batch) buffer.add(clocks.byOurs(batch, now()));
        else logger.warn('log-batch-not-understood', { subject });
      });
    },
    stop: () => cancel?.(),
    read: (sourceId, query) => buffer.read(sourceId, { ...query, now: now() }),
    tell({ sourceId, sourceType, text, stream = 'OUT' }) {
      const payload = Buffer.from(text, 'utf8').toString('base64');
      const line: LogLine = { timestamp: String(now()), sourceType, stream, payload };
      buffer.add({ sourceId, instanceId: '0', tags: {}, lines: [line] });
    },
    drop: (sourceId) => buffer.drop(sourceId),
  };
};
