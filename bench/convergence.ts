/**
 * What a pass of convergence costs, with 250,000 actual LRPs in memory. Timed: the pass from its first slice to its
 * last, decisions, changes of the tables and their telling to listeners included, and the longest turn of the event
 * loop in it, which is how long a request may have to wait. Not timed: making the rows, storing changes (a store in
 * memory takes them), and what listeners do. Medians of some rounds, after one that is not counted.
 *
 * `npm run bench:convergence -- CASE…` runs only those; OUTCRY_BENCH_ROUNDS sets the number of rounds (5).
 */
import { silentLogger } from '../common/adapters/capture-logger.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { createSystemRandom } from '../common/adapters/system-random.js';
import type { ActualLrp } from '../common/model/lrp.js';
import { NO_METRICS } from '../common/ports/metrics.js';
import { openGroupStore } from '../common/store/group-store.js';
import { createMemoryEngine } from '../common/store/memory-engine.js';
import { bbsConfig } from '../bbs/config.js';
import { createAttention } from '../bbs/controllers/attention.js';
import { createConvergence } from '../bbs/controllers/convergence.js';
import { createHistory } from '../bbs/controllers/history.js';
import { createPasses } from '../bbs/controllers/passes.js';
import { createTransactions } from '../bbs/controllers/transactions.js';
import { actualLrpRowKey } from '../bbs/core/rows.js';
import { createBbsMetrics } from '../bbs/metrics.js';
import { BBS_SCHEMA, BBS_SPECS } from '../bbs/store/schema.js';
import type { BbsTables, Emission } from '../bbs/store/schema.js';
import { desiredLrp, must, runningOn } from '../test/support/bbs.js';
import { machine, printTable } from './harness.js';

const ROUNDS = Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 5);
const ROWS = 250_000;
const CELLS = 1_000;

interface Case {
  processes: number;
  /** prepares one round, not timed */
  prepare(bench: Bench, round: number): void | Promise<void>;
  /** the pass is the one right after a start: each round opens the store anew */
  isFirst?: true;
}

const cellOf = (row: number): string => `cell-${row % CELLS}`;

const openBench = async (processes: number, engine = createMemoryEngine()) => {
  const config = must(bbsConfig.parse({ listen: { socket: '/unused' } }, 'bench'));
  const clock = createSystemClock();
  const random = createSystemRandom();
  const parts = { config, clock, random, logger: silentLogger };
  const store = await openGroupStore<BbsTables, Emission>({
    ...parts,
    engine,
    schema: BBS_SCHEMA,
    specs: BBS_SPECS,
    journal: createHistory(config).journal,
  });
  const gone = new Set<string>();
  const attention = createAttention();
  store.onCommit((emissions) => {
    for (const emission of emissions) if ('event' in emission) attention.follow(emission.event);
  });
  const metrics = createBbsMetrics(NO_METRICS, {
    servedMs: () => 0,
    observation: () => undefined,
    eventWindow: () => undefined,
  });
  const presence = {
    gone: (cellId: string) => gone.has(cellId),
    present: (cellId: string) => !gone.has(cellId),
    lost: (cellId: string) => gone.has(cellId),
  };
  const transactions = createTransactions({ ...parts, store });
  const options = { ...parts, store, metrics, presence, attention };
  const convergence = createConvergence({ ...options, transactions });
  const passes = createPasses({ ...options, convergence, stopped: () => false });
  return { engine, processes, clock, store, attention, convergence, passes, gone };
};

type Bench = Awaited<ReturnType<typeof openBench>>;

/** Every instance runs, or with `patch` is what that says. */
const fill = async ({ processes, store }: Bench, patch: Partial<ActualLrp> = {}): Promise<void> => {
  const instances = ROWS / processes;
  for (let process = 0; process < processes; process += 1) {
    const processGuid = `app-${process}`;
    await store.transact((tables) => {
      tables.desired_lrps.put(processGuid, desiredLrp({ processGuid, instances }));
      for (let index = 0; index < instances; index += 1) {
        const cellId = cellOf(process * instances + index);
        const instance = { instanceGuid: `instance-${process}-${index}`, cellId };
        const row = runningOn(instance, { processGuid, index, ...patch });
        tables.actual_lrps.put(actualLrpRowKey(row), row);
      }
      return { value: undefined, events: [] };
    });
  }
};

const WAITING: Partial<ActualLrp> = { state: 'UNCLAIMED', instanceGuid: '', cellId: '', since: 1 };

const touchSome = ({ attention, processes }: Bench): void => {
  const instances = ROWS / processes;
  for (let row = 0; row < ROWS; row += 100) {
    attention.mark({
      processGuid: `app-${Math.floor(row / instances)}`,
      indices: [row % instances],
    });
  }
};

const markEvery = ({ attention, processes }: Bench): void => {
  for (let process = 0; process < processes; process += 1) attention.mark({ processGuid: `app-${process}` });
};

const CASES: Record<string, Case> = {
  'nothing changed': { processes: 2_500, prepare: () => undefined },
  '1 % changed': { processes: 2_500, prepare: touchSome },
  'first pass, 2,500 × 100': { processes: 2_500, prepare: () => undefined, isFirst: true },
  'first pass, 25,000 × 10': { processes: 25_000, prepare: () => undefined, isFirst: true },
  'first pass, 250,000 × 1': { processes: 250_000, prepare: () => undefined, isFirst: true },
  'first pass, 1 × 250,000': { processes: 1, prepare: () => undefined, isFirst: true },
  'every row, 2,500 × 100': { processes: 2_500, prepare: markEvery },
  'every row, 250,000 × 1': { processes: 250_000, prepare: markEvery },
  'every row, 1 × 250,000': { processes: 1, prepare: markEvery },
  'a cell of 250 lost': {
    processes: 2_500,
    async prepare(bench, round) {
      const { gone, attention, convergence } = bench;
      gone.clear();
      await settle(bench);
      gone.add(cellOf(round));
      convergence.on([cellOf(round)]).forEach(attention.mark);
    },
  },
  'everything waits': {
    processes: 2_500,
    prepare: (bench) => fill(bench, WAITING).then(() => markEvery(bench)),
  },
};

const median = (values: readonly number[]): number =>
  Math.round(([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0) * 10) / 10;

interface Timed {
  took: number;
  /** of the processor, which tells more where others use the machine as well */
  cpu: number;
  turn: number;
}

/** The pass's time, and its longest turn; ms. */
const timed = async (run: () => Promise<void>): Promise<Timed> => {
  let [last, turn, running] = [performance.now(), 0, true];
  const began = last;
  const look = (): void => {
    const now = performance.now();
    turn = Math.max(turn, now - last);
    last = now;
    if (running) setImmediate(look);
  };
  setImmediate(look);
  const before = process.cpuUsage();
  await run();
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  running = false;
  look();
  return { took, turn, cpu: (user + system) / 1_000 };
};

const settle = async (bench: Bench): Promise<void> => {
  markEvery(bench);
  await bench.passes.all(30_000);
};

const reopened = async ({ store, engine, processes }: Bench): Promise<Bench> => {
  await store.close();
  return openBench(processes, engine);
};

const measure = async (name: string, { processes, prepare, isFirst }: Case) => {
  let bench = await openBench(processes);
  await fill(bench);
  await settle(bench);
  const rounds: Timed[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    if (isFirst) bench = await reopened(bench);
    await prepare(bench, round);
    const { passes } = bench;
    const run = isFirst ? () => passes.first(() => undefined) : () => passes.all(30_000);
    rounds.push(await timed(run));
  }
  const counted = rounds.slice(1);
  return {
    name,
    rows: ROWS,
    median: median(counted.map(({ took }) => took)),
    cpu: median(counted.map(({ cpu }) => cpu)),
    longestTurn: median(counted.map(({ turn }) => turn)),
  };
};

const wanted = process.argv.slice(3);
const results = [];
for (const [name, one] of Object.entries(CASES)) {
  if (wanted.length === 0 || wanted.some((part) => name.includes(part)))
    results.push(await measure(name, one));
}
console.log(JSON.stringify({ bench: 'convergence', ...machine(), results }));
printTable([
  ['CASE', 'ROWS', 'MEDIAN ms', 'CPU ms', 'LONGEST TURN ms'],
  ...results.map(({ name, rows, ...figures }) => [
    name,
    rows,
    figures.median,
    figures.cpu,
    figures.longestTurn,
  ]),
]);
