/** What benchmarks share: alternating measurements, medians, a table for people and JSON for programs. */
import { cpus, totalmem } from 'node:os';
import { table } from '../cli/output.js';

/** One way of doing what is compared. */
export interface Contender {
  name: string;
  /** what is timed; answers what `clean` needs */
  run(): Promise<string>;
  /** afterwards, not timed */
  clean(id: string): Promise<void>;
}

export interface Figures {
  name: string;
  runs: number;
  /** all in ms */
  median: number;
  p90: number;
  least: number;
}

export const round = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits;

/** NaN of nothing. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;

const figuresOf = (name: string, times: readonly number[]): Figures => {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): number => round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0, 1);
  return { name, runs: sorted.length, median: at(0.5), p90: at(0.9), least: at(0) };
};

const timed = async ({ run, clean }: Contender): Promise<number> => {
  const began = performance.now();
  const id = await run();
  const took = performance.now() - began;
  await clean(id);
  return took;
};

/**
 * Runs contenders in turn, so that what else the machine does meets all alike; who begins changes with each round. The
 * first rounds warm up and are not counted.
 */
export const alternate = async (
  contenders: readonly Contender[],
  { rounds, warmUp }: { rounds: number; warmUp: number },
): Promise<Figures[]> => {
  const times = contenders.map((): number[] => []);
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const which = (round + turn) % contenders.length;
      const contender = contenders[which];
      if (contender === undefined) continue;
      const took = await timed(contender);
      if (round >= warmUp) times[which]?.push(took);
    }
  }
  return contenders.map(({ name }, which) => figuresOf(name, times[which] ?? []));
};

export const machine = (): object => ({
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model ?? '',
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  node: process.versions.node,
});

export const printTable = (rows: readonly (readonly (string | number)[])[]): void =>
  console.log(table(rows.map((row) => row.map(String))));
