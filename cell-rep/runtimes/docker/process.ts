/** One process: a container of the engine's. */
import type { Container as EngineContainer } from 'dockerode';
import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type {
  ContainerUsage,
  ExitStatus,
  OutputChunk,
  OutputCursor,
  OutputReader,
  ProcessInfo,
  RunningProcess,
} from '../../core/container-runtime.js';
import { dial } from './engine.js';
import { reasonOf, statusOf, unless } from './engine-error.js';
import { createOutputSplitter, sinceOf } from './output.js';
import { containerUsage } from './usage.js';

/** ms until an engine that did not answer is asked again */
const RETRY_MS = 500;
const GONE = 404;
const NOT_RUNNING = 409;
const LAST_SIGNAL = 64;

export interface EngineProcess {
  readonly running: RunningProcess;
  readonly engineId: string;
  info(): ProcessInfo;
  /** what it takes now; undefined when it has ended, or the engine does not say */
  usage(): Promise<ContainerUsage | undefined>;
  /** resolves with the process's end, whoever still reads */
  readonly ended: Promise<ExitStatus>;
  /** SIGKILL at once, or an error; `running.signal` waits for an engine that is away */
  kill(): Promise<void>;
  /** to other cores, while it runs */
  moveTo(cores: string): Promise<void>;
  /** stops watching; what runs goes on */
  close(): void;
}

export interface EngineProcessOptions {
  id: string;
  container: EngineContainer;
  clock: Clock;
  logger: Logger;
  /** the engine gave no answer */
  doubt(): void;
  /** its container takes more disk than it may, and is killed for it */
  isOverDisk(): boolean;
}

const LOST: ExitStatus = { code: 255, signal: 0, outOfMemory: false, lost: true };

export const exitStatus = (code: number, outOfMemory: boolean): ExitStatus => ({
  code,
  // the engine tells no signal from a code; shells say it the same way
  signal: code > 128 && code <= 128 + LAST_SIGNAL ? code - 128 : 0,
  outOfMemory: outOfMemory && code !== 0,
  lost: false,
});

/**
 * Resolves when the container has ended. Read as a stream: the client's own way of waiting never ends once the engine
 * has gone away in the middle of it.
 */
const waitOnce = async (container: EngineContainer, signal: AbortSignal): Promise<void> => {
  const answer = await dial<NodeJS.ReadableStream>(container, {
    path: `/containers/${container.id}/wait`,
    method: 'POST',
    isStream: true,
    abortSignal: signal,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
  });
  for await (const _piece of answer);
};

const sendSignal = (container: EngineContainer, signal: string): Promise<void> =>
  unless([GONE, NOT_RUNNING], container.kill({ signal }));

/** Waits for the end, over restarts of the engine. */
const awaitExit = async (options: EngineProcessOptions, signal: AbortSignal): Promise<ExitStatus> => {
  const { container, clock, logger } = options;
  for (;;) {
    try {
      await waitOnce(container, signal);
      const { State } = await container.inspect();
      if (State.Status === 'exited') return exitStatus(State.ExitCode, State.OOMKilled);
      if (State.Status === 'dead' || State.Status === 'removing') return LOST;
    } catch (error) {
      if (signal.aborted) return new Promise(() => undefined);
      if (statusOf(error) === GONE) return LOST;
      if (statusOf(error) === 0) options.doubt();
      logger.debug('wait-failed', { id: options.id, reason: reasonOf(error) });
    }
    await clock.sleep(RETRY_MS);
  }
};

interface Reading {
  container: EngineContainer;
  cursor: OutputCursor;
  reader: OutputReader;
}

/** Always a stream: the rest of a flood, taken at once, would be worked on in one turn of the event loop. */
const openLog = (
  { container, cursor }: Reading,
  abortSignal: AbortSignal,
  follow: boolean,
): Promise<NodeJS.ReadableStream> =>
  dial(container, {
    path: `/containers/${container.id}/logs?`,
    method: 'GET',
    isStream: true,
    abortSignal,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
    options: { stdout: true, stderr: true, timestamps: true, since: sinceOf(cursor), follow },
  });

/** Reads what is there, or follows to the end of the process; moves `reading.cursor` along. */
const readOutput = async (reading: Reading, signal: AbortSignal, follow: boolean): Promise<void> => {
  const { reader } = reading;
  const give = (chunk: OutputChunk, cursor: OutputCursor): void => {
    if (signal.aborted) return;
    reading.cursor = cursor;
    reader.onChunk(chunk, cursor);
  };
  const lose = (): void => (signal.aborted ? undefined : reader.onLost?.(undefined));
  const splitter = createOutputSplitter(reading.cursor, give, lose);
  for await (const bytes of await openLog(reading, signal, follow)) splitter.take(bytes as Buffer);
  if (!follow) splitter.end();
};

export const createEngineProcess = (options: EngineProcessOptions, exit?: ExitStatus): EngineProcess => {
  const { id, container, clock, logger } = options;
  const closing = new AbortController();
  const following = new Set<Promise<void>>();
  let known = exit;
  const ended = exit
    ? Promise.resolve(exit)
    : awaitExit(options, closing.signal).then((status) => {
        known = options.isOverDisk() ? { ...status, outOfDisk: true } : status;
        return known;
      });

  /** Follows until the end is known, then reads the rest: what followers of the engine are told at the end may be short. */
  const follow = async (from: OutputCursor, reader: OutputReader, stop: AbortSignal): Promise<void> => {
    const finished = new AbortController();
    void ended.then(() => finished.abort());
    const reading = { container, cursor: from, reader };
    while (!stop.aborted) {
      const last = known !== undefined;
      const signal = last ? stop : AbortSignal.any([stop, finished.signal]);
      try {
        await readOutput(reading, signal, !last);
        if (last) return;
      } catch (error) {
        if (stop.aborted || statusOf(error) === GONE) return;
        if (!signal.aborted) logger.debug('follow-failed', { id, reason: reasonOf(error) });
      }
      if (last) await clock.sleep(RETRY_MS);
      else await Promise.race([clock.sleep(RETRY_MS), ended]);
    }
  };

  /** What an engine that is away cannot pass on, it is asked to again. */
  const signal = async (name: string): Promise<void> => {
    while (known === undefined) {
      try {
        return await sendSignal(container, name);
      } catch (error) {
        if (statusOf(error) !== 0 || closing.signal.aborted) throw error;
        options.doubt();
      }
      await Promise.race([clock.sleep(RETRY_MS), ended]);
    }
  };

  return {
    engineId: container.id,
    ended,
    info: () => ({ id, running: known === undefined, ...(known && { exit: known }) }),
    async usage() {
      if (known !== undefined) return undefined;
      return containerUsage(container).catch(() => undefined);
    },
    running: {
      id,
      get exited() {
        return ended.then(async (status) => {
          while (following.size > 0) await Promise.all(following);
          return status;
        });
      },
      follow(from, reader) {
        const stop = new AbortController();
        const signal = AbortSignal.any([stop.signal, closing.signal]);
        const done = follow(from, reader, signal).finally(() => following.delete(done));
        following.add(done);
        return () => stop.abort();
      },
      signal,
    },
    async moveTo(cores) {
      if (known === undefined) await unless([GONE, NOT_RUNNING], container.update({ CpusetCpus: cores }));
    },
    kill: async () => (known === undefined ? sendSignal(container, 'SIGKILL') : undefined),
    close: () => closing.abort(),
  };
};
