import type { ProcessSpec } from '../../core/container-runtime.js';

/** What a simulated process does. Everything is optional; nothing given: it runs until it is signalled. */
export interface SimulatedScript {
  /** ms from run() to the start */
  startMs?: number;
  /** why it does not start at all */
  refusal?: string;
  /** printed when it starts */
  out?: string;
  err?: string;
  /** so many bytes of output, besides */
  flood?: number;
  /** prints its environment, KEY=VALUE per line */
  printEnvironment?: boolean;
  /** ms it runs; absent = for ever */
  runMs?: number;
  /** uniform share of `runMs` by which a run is longer or shorter, 0 to 1 */
  jitter?: number;
  exitCode?: number;
  /** ends by this signal instead of an exit code */
  exitSignal?: number;
  outOfMemory?: boolean;
  /** chance, 0 to 1, that its end is not known: as if its supervisor had vanished */
  lossChance?: number;
  ignoresTerm?: boolean;
  /** CPU that it takes as long as it runs, milli-CPU; default 0 */
  cpuMilli?: number;
  /** MB that it takes as long as it runs; default 0 */
  memoryMb?: number;
}

/** The variable of a process's environment that holds its script, as JSON. */
export const SCRIPT_VARIABLE = 'OUTCRY_SIMULATE';

/** The script in the environment; an empty one when there is none or it cannot be read. */
export const scriptFromEnvironment = (spec: ProcessSpec): SimulatedScript => {
  try {
    const script: unknown = JSON.parse(spec.env[SCRIPT_VARIABLE] ?? '{}');
    return typeof script === 'object' && script !== null ? script : {};
  } catch {
    return {};
  }
};
