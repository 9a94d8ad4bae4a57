/**
 * What a cell carries, with the whole system around it: a NATS server, BBS on a file of its own with each commit on the
 * disk, auctioneer, router, API and the rep, a process each, all on this machine.
 *
 * - `process`: tasks of `/bin/true` as real processes, from the desire at the BBS's socket until its event stream tells of
 *   the result, so many on their way at a time that somebody always has something to do.
 * - `simulated`: the same, with containers that exist in the rep's memory only: what is left is the control plane.
 * - `idle`: 250 instances of `sleep`, each with a port and a route, without checks: what the rep takes meanwhile, in memory
 *   and CPU (metrics of all every 15 s, a comparison with the BBS every 30 s, presence), and each supervisor.
 *
 * Not timed: that results are taken up and tasks deleted. In it: this process, which desires and listens (`load`). CPU is
 * what the kernel counted for each process, by task; `containers` = the helper, supervisors that have ended, and what
 * they ran. The first round warms up and is not counted. The rest as said of all benchmarks.
 *
 * `npm run bench:cell -- CASE…` runs only those; OUTCRY_BENCH_ROUNDS sets the number of rounds (5), OUTCRY_BENCH_PROF
 * names components (`cell-1,bbs`) whose CPU profiles are put where the working directory is.
 */
import { loadavg } from 'node:os';
import { watchIdle } from './cell-idle.js';
import type { RuntimeKind } from './cell-system.js';
import { withSystem } from './cell-system.js';
import { runTasks } from './cell-tasks.js';
import type { TasksResult } from './cell-tasks.js';
import { machine, median, printTable, round } from './harness.js';

const ROUNDS = Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 5);
const PROFILED = (process.env['OUTCRY_BENCH_PROF'] ?? '').split(',');
const IDLE = { containers: 250, seconds: 60 };

const execArgv = (component: string): string[] =>
  PROFILED.includes(component) ? ['--cpu-prof', `--cpu-prof-dir=${process.cwd()}/profile-${component}`] : [];

interface Figure {
  name: string;
  value: number;
  unit: string;
  aim: string;
  note: string;
}

interface Throughput {
  runtime: RuntimeKind;
  /** the cell's room */
  containers: number;
  tasks: number;
  onTheirWay: number;
  aim: string;
}

const perTask = (rounds: readonly TasksResult[], of: (cpu: Record<string, number>) => number): number =>
  round(median(rounds.map(({ cpu, tasks }) => (of(cpu) / tasks) * 1_000)));

const throughput = async (settings: Throughput): Promise<Figure[]> => {
  const { runtime, containers, aim, ...order } = settings;
  const rounds = await withSystem({ runtime, containers, execArgv }, async (bench) => {
    const all: TasksResult[] = [];
    for (let nth = 0; nth <= ROUNDS; nth += 1) all.push(await runTasks(bench, { round: nth, ...order }));
    return all.slice(1);
  });
  const failed = rounds.reduce((sum, one) => sum + one.failed, 0);
  if (failed > 0) throw new Error(`${failed} tasks failed`);
  const over = (of: (one: TasksResult) => number, digits = 0): number =>
    round(median(rounds.map(of)), digits);
  const sum = (cpu: Record<string, number>): number => Object.values(cpu).reduce((all, ms) => all + ms, 0);
  const cpu = (name: string, of: (cpu: Record<string, number>) => number): Figure => ({
    name: `… ${name}`,
    value: perTask(rounds, of),
    unit: 'µs of CPU each',
    aim: '',
    note: '',
  });
  return [
    {
      name: `tasks, ${runtime}`,
      value: over(({ tasks, ms }) => (tasks / ms) * 1_000),
      unit: '/s',
      aim,
      note: `${order.onTheirWay} at a time: p50 ${over(({ p50 }) => p50)} ms, p99 ${over(({ p99 }) => p99)} ms`,
    },
    cpu('all', sum),
    ...Object.keys(rounds[0]?.cpu ?? {}).map((name) => cpu(name, (used) => used[name] ?? 0)),
  ];
};

const idle = (): Promise<Figure[]> =>
  withSystem({ runtime: 'process', containers: IDLE.containers, execArgv }, async (bench) => {
    const found = await watchIdle(bench, IDLE);
    const megabytes = (name: string, value: number, aim: string, note = ''): Figure => ({
      ...{ name, aim, note },
      value: round(value, 2),
      unit: 'MB',
    });
    return [
      megabytes(`rep, ${found.containers} containers run`, found.repMb, '≤ 120'),
      megabytes(`… ${IDLE.seconds} s later`, found.repLaterMb, '≤ 120'),
      { name: '… CPU', value: round(found.repPercent, 2), unit: '% of a core', aim: '≤ 2', note: '' },
      megabytes('supervisor', found.supervisorMb, '≤ 2', 'its own, and its part of what it shares; median'),
      megabytes('… the largest', found.supervisorMostMb, '≤ 2'),
      megabytes('… resident', found.supervisorResidentMb, '', 'what all share counted in each'),
      megabytes('helper', found.helperMb, ''),
    ];
  });

const CASES: Record<string, () => Promise<Figure[]>> = {
  process: () =>
    throughput({ runtime: 'process', containers: 250, tasks: 2_000, onTheirWay: 200, aim: '≥ 200' }),
  simulated: () =>
    throughput({
      ...{ runtime: 'simulated', containers: 5_000, tasks: 10_000, onTheirWay: 1_000 },
      aim: '≥ 1,000, better 3,000',
    }),
  idle,
};

const named = process.argv.slice(3);
const unknown = named.filter((name) => !(name in CASES));
if (unknown.length > 0)
  throw new Error(`no case ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}`);

const busy = (): number => round(loadavg()[0] ?? 0, 1);
const results: Figure[] = [];
const loadBefore = busy();
for (const name of named.length > 0 ? named : Object.keys(CASES))
  results.push(...((await CASES[name]?.()) ?? []));
console.log(
  JSON.stringify({ bench: 'cell', ...machine(), rounds: ROUNDS, load: [loadBefore, busy()], results }),
);
printTable([
  ['what', 'figure', '', 'aim', 'note'],
  ...results.map(({ name, value, unit, aim, note }) => [name, value.toLocaleString('en'), unit, aim, note]),
]);
