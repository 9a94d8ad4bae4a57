import type { Clock } from '../../common/ports/clock.js';
import type { OutputChunk, RunningProcess } from '../core/container-runtime.js';
import type { LineSplitter } from '../core/log-lines.js';
import { createLineSplitter, createRateLimiter, rateLimitNotice } from '../core/log-lines.js';
import type { LogPublisher, LogSource } from './log-publisher.js';

export type LogStreamName = 'OUT' | 'ERR';

/** How far a process's output has been published; kept so that a restarted rep goes on at that byte. */
export interface OutputMemory {
  cursor: string;
  /** the beginning of a line whose end had not come yet */
  partial: Record<LogStreamName, Uint8Array>;
}

export interface FollowOptions {
  sourceType: string;
  memory: OutputMemory;
  /** told after every chunk */
  onProgress(): void;
}

export interface Following {
  /** the process has ended: publishes what was left of its last line */
  finish(): void;
  /** the rep leaves: the rest stays for whoever adopts the container */
  detach(): void;
}

/** The application's log as one container writes to it: its own output, and what the platform says of it. */
export interface ContainerLog {
  line(sourceType: string, stream: LogStreamName, text: string): void;
  /** publishes a process's output as it comes */
  follow(process: RunningProcess, options: FollowOptions): Following;
  flush(): void;
  close(): void;
}

export const newOutputMemory = (): OutputMemory => ({
  cursor: '',
  partial: { OUT: new Uint8Array(0), ERR: new Uint8Array(0) },
});

const isDigits = (text: string): boolean => /^\d+$/.test(text);

export const createContainerLog = (options: {
  source: LogSource;
  bytesPerSecond: number;
  publisher: LogPublisher;
  clock: Clock;
}): ContainerLog => {
  const { source, bytesPerSecond, publisher, clock } = options;
  const limiter = createRateLimiter(bytesPerSecond);

  const now = (): bigint => BigInt(Math.round(clock.now() * 1000)) * 1000n;

  const platformLine = (sourceType: string, stream: LogStreamName, text: string): void => {
    // a text of ours may carry an application's words, newlines included
    for (const part of text.split('\n').filter((one) => one !== '')) {
      publisher.append(source, { sourceType, stream, bytes: Buffer.from(part), timestamp: now() });
    }
  };

  const outputLine = (sourceType: string, chunk: OutputChunk, bytes: Uint8Array): void => {
    const verdict = limiter(bytes.length, clock.monotonic());
    if (verdict === 'drop-and-tell') platformLine(sourceType, 'OUT', rateLimitNotice(bytesPerSecond));
    if (verdict !== 'pass') return;
    const timestamp = isDigits(chunk.timestamp) ? BigInt(chunk.timestamp) : now();
    publisher.append(source, { sourceType, stream: chunk.stream, bytes, timestamp });
  };

  return {
    line: platformLine,
    follow(process, { sourceType, memory, onProgress }) {
      const splitters: Record<LogStreamName, LineSplitter> = {
        OUT: createLineSplitter(memory.partial.OUT),
        ERR: createLineSplitter(memory.partial.ERR),
      };
      const stop = process.follow(memory.cursor, {
        onChunk(chunk, cursor) {
          const splitter = splitters[chunk.stream];
          for (const bytes of splitter.push(chunk.data)) outputLine(sourceType, chunk, bytes);
          memory.cursor = cursor;
          memory.partial[chunk.stream] = splitter.partial();
          onProgress();
        },
      });
      const finish = (): void => {
        stop();
        for (const stream of ['OUT', 'ERR'] as const) {
          const chunk = { stream, timestamp: String(now()), data: memory.partial[stream] };
          for (const bytes of splitters[stream].end()) outputLine(sourceType, chunk, bytes);
          memory.partial[stream] = new Uint8Array(0);
        }
        onProgress();
      };
      return { finish, detach: stop };
    },
    flush: () => publisher.flush(source),
    close: () => publisher.close(source),
  };
};
