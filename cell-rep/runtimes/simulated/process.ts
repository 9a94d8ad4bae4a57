import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Random } from '../../../common/ports/random.js';
import type {
  ExitStatus,
  OutputChunk,
  OutputReader,
  ProcessInfo,
  ProcessSpec,
  RunningProcess,
} from '../../core/container-runtime.js';
import type { SimulatedScript } from './script.js';

export interface SimulatedProcess {
  readonly running: RunningProcess;
  info(): ProcessInfo;
  usage(): { cpuNs: number; memoryBytes: number };
  /** ends it; nothing happens when it has ended */
  end(exit: Partial<ExitStatus>): void;
}

/** As much output as is kept of a process. */
const KEPT_BYTES = 64 * 1024;
const PIECE = 4096;
const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const;

interface Output {
  write(stream: 'OUT' | 'ERR', text: string): void;
  follow(from: string, reader: OutputReader): () => void;
  drain(): Promise<void>;
}

const createOutput = (clock: Clock): Output => {
  const kept: OutputChunk[] = [];
  let first = 0;
  let bytes = 0;
  const wakers = new Set<() => Promise<void>>();

  return {
    write(stream, text) {
      const data = Buffer.from(text);
      kept.push({ stream, timestamp: String(BigInt(clock.now()) * 1_000_000n), data });
      bytes += data.length;
      for (; bytes > KEPT_BYTES && kept.length > 1; first += 1) bytes -= kept.shift()?.data.length ?? 0;
      for (const wake of wakers) void wake();
    },
    follow(from, reader) {
      let at = from === '' ? 0 : Number(from);
      let queue = Promise.resolve();
      const hand = (): void => {
        if (at < first && at > 0) reader.onLost?.(undefined);
        for (at = Math.max(at, first); at < first + kept.length && wakers.has(wake);) {
          const chunk = kept[at - first] as OutputChunk;
          at += 1;
          reader.onChunk(chunk, String(at));
        }
      };
      // never in the caller's own turn: readers of real runtimes are not called there either
      const wake = (): Promise<void> => (queue = queue.then(hand));
      wakers.add(wake);
      void wake();
      return () => void wakers.delete(wake);
    },
    async drain() {
      await Promise.all([...wakers].map((wake) => wake()));
    },
  };
};

const printed = (script: SimulatedScript, env: Record<string, string>): string =>
  script.printEnvironment === true
    ? Object.entries(env)
        .map(([key, value]) => `${key}=${value}\n`)
        .join('')
    : '';

export interface SimulatedProcessOptions {
  spec: ProcessSpec;
  /** complete, as the process sees it */
  env: Record<string, string>;
  script: SimulatedScript;
  clock: Clock;
  random: Random;
}

export const createSimulatedProcess = (options: SimulatedProcessOptions): SimulatedProcess => {
  const { spec, script, clock, random } = options;
  const output = createOutput(clock);
  const startedAt = clock.monotonic();
  let endedAt: number | undefined;
  let exit: ExitStatus | undefined;
  let finish: (status: ExitStatus) => void = () => undefined;
  let cancel: Cancel = () => undefined;
  const ended = new Promise<ExitStatus>((resolve) => (finish = resolve));

  const end = (how: Partial<ExitStatus>): void => {
    if (exit) return;
    cancel();
    endedAt = clock.monotonic();
    exit = { code: 0, signal: 0, outOfMemory: false, lost: false, ...how };
    finish(exit);
  };
  const endByScript = (): void => {
    const signal = script.exitSignal ?? 0;
    const lost = random.fraction() < (script.lossChance ?? 0);
    if (lost) end({ code: 255, lost });
    else {
      end({
        code: signal > 0 ? 128 + signal : (script.exitCode ?? 0),
        signal,
        outOfMemory: script.outOfMemory === true,
      });
    }
  };

  output.write('OUT', (script.out ?? '') + printed(script, options.env));
  if (script.err !== undefined) output.write('ERR', script.err);
  for (let left = script.flood ?? 0; left > 0; left -= PIECE) {
    output.write('OUT', 'x'.repeat(Math.min(left, PIECE)));
  }
  if (script.runMs !== undefined) {
    const stretch = 1 + (script.jitter ?? 0) * (2 * random.fraction() - 1);
    cancel = clock.after(script.runMs * stretch, endByScript);
  }

  const running: RunningProcess = {
    id: spec.id,
    get exited() {
      return ended.then(async (status) => {
        await output.drain();
        return status;
      });
    },
    follow: (from, reader) => output.follow(from, reader),
    signal(name) {
      if (name === 'SIGKILL' || script.ignoresTerm !== true) {
        end({ code: 128 + SIGNALS[name], signal: SIGNALS[name] });
      }
      return Promise.resolve();
    },
  };

  return {
    running,
    usage: () => ({
      cpuNs: ((endedAt ?? clock.monotonic()) - startedAt) * (script.cpuMilli ?? 0) * 1000,
      memoryBytes: exit ? 0 : (script.memoryMb ?? 0) * 1024 * 1024,
    }),
    info: () => ({ id: spec.id, running: !exit, ...(exit && { exit }) }),
    end,
  };
};
