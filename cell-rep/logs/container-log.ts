import type { Clock } from '../../common/ports/clock.js';
import type { OutputChunk, RunningProcess } from '../core/container-runtime.js';
import { createLineSplitter, createRateLimiter, lostOutput } from '../core/log-lines.js';
import type { LogLimits } from '../core/log-lines.js';
import type { LogPublisher, LogSource } from './log-publisher.js';

export type LogStreamName = 'OUT' | 'ERR';

const STREAMS = ['OUT', 'ERR'] as const;

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
  /** bytes of its own output that were let through so far */
  bytes(): number;
  flush(): void;
  close(): void;
}

export const newOutputMemory = (): OutputMemory => ({
  cursor: '',
  partial: { OUT: new Uint8Array(0), ERR: new Uint8Array(0) },
});

const isDigits = (text: string): boolean => /^\d+$/.test(text);

/** ms between two lines that tell of lost output */
const LOSS_EVERY_MS = 1_000;

/** Gathers what was lost, so that a flood is not told of hundreds of times a second. */
const createLossTeller = (clock: Clock, say: (text: string) => void) => {
  let lost: { bytes: number | undefined } | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (): void => {
    if (lost === undefined) return;
    say(lostOutput(lost.bytes));
    lost = undefined;
    toldAt = clock.monotonic();
  };
  return {
    add(bytes: number | undefined): void {
      const before = lost === undefined ? 0 : lost.bytes;
      lost = { bytes: before === undefined || bytes === undefined ? undefined : before + bytes };
      if (clock.monotonic() - toldAt >= LOSS_EVERY_MS) tell();
    },
    tell,
  };
};

export interface ContainerLogOptions {
  source: LogSource;
  limits: LogLimits;
  publisher: LogPublisher;
  clock: Clock;
  /** the application was told that it has said too much */
  onLimit(): void;
}

export const createContainerLog = (options: ContainerLogOptions): ContainerLog => {
  const { source, limits, publisher, clock } = options;
  const limiter = createRateLimiter(limits);
  let passed = 0;

  const now = (): bigint => BigInt(Math.round(clock.now() * 1000)) * 1000n;

  const platformLine = (sourceType: string, stream: LogStreamName, text: string): void => {
    // a text of ours may carry an application's words, newlines included
    for (const part of text.split('\n').filter((one) => one !== '')) {
      publisher.append(source, { sourceType, stream, bytes: Buffer.from(part), timestamp: now() });
    }
  };

  const outputLine = (sourceType: string, chunk: OutputChunk, bytes: Uint8Array): void => {
    const verdict = limiter(bytes.length, clock.monotonic());
    if (verdict === 'drop') return;
    if (verdict !== 'pass') {
      options.onLimit();
      return platformLine(sourceType, 'OUT', verdict.tell);
    }
    passed += bytes.length;
    const timestamp = isDigits(chunk.timestamp) ? BigInt(chunk.timestamp) : now();
    publisher.append(source, { sourceType, stream: chunk.stream, bytes, timestamp });
  };

  return {
    line: platformLine,
    follow(process, { sourceType, memory, onProgress }) {
      const splitters = {
        OUT: createLineSplitter(memory.partial.OUT),
        ERR: createLineSplitter(memory.partial.ERR),
      };
      const losses = createLossTeller(clock, (text) => platformLine(sourceType, 'ERR', text));
      /** what was begun will not be ended */
      const endLines = (): void => {
        for (const stream of STREAMS) {
          const chunk = { stream, timestamp: String(now()), data: memory.partial[stream] };
          for (const bytes of splitters[stream].end()) outputLine(sourceType, chunk, bytes);
          memory.partial[stream] = new Uint8Array(0);
        }
      };
      const stop = process.follow(memory.cursor, {
        onChunk(chunk, cursor) {
          const splitter = splitters[chunk.stream];
          for (const bytes of splitter.push(chunk.data)) outputLine(sourceType, chunk, bytes);
          memory.cursor = cursor;
          memory.partial[chunk.stream] = splitter.partial();
          onProgress();
        },
        onLost(bytes) {
          endLines();
          losses.add(bytes);
        },
      });
      const finish = (): void => {
        stop();
        losses.tell();
        endLines();
        onProgress();
      };
      return { finish, detach: stop };
    },
    bytes: () => passed,
    flush: () => publisher.flush(source),
    close: () => publisher.close(source),
  };
};
