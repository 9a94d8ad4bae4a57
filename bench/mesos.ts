/**
 * What the Mesos bridge carries, on a simulated Mesos.
 *
 * - `offers`: so many agents' offers and as many LRPs, in this process: bridge's book and the auction's core, from the bytes
 *   of the offers to the bytes of the ACCEPTs. Not in it: sockets, and the bus between auctioneer and bridge.
 * - `launches`: tasks asked for at a steady rate, whether all keep up or not. BBS on a file with each commit on the disk,
 *   auctioneer, bridge, NATS server and simulated Mesos, a process each; executors are real ones with simulated containers,
 *   together in a process of their own, each with its own connections to agent, bus and BBS. Timed from the moment at
 *   which each was due to the BBS's news that it runs.
 * - `churn`: so many instances that run there, a tenth of which are replaced within a minute.
 * - `processes`: as `launches`, with five executors as Mesos starts them (`outcry cell --mesos`), and real containers.
 *
 * CPU is what the kernel counted for each process: on a machine with other work it says more than times do. `executors` =
 * all executors, and what they ran; `load` = this process, which asks and listens. A first round of two seconds warms up.
 *
 * `npm run bench:mesos -- CASE…` runs only those. OUTCRY_BENCH_AGENTS, OUTCRY_BENCH_RATE, OUTCRY_BENCH_SECONDS and
 * OUTCRY_BENCH_INSTANCES change the sizes, OUTCRY_BENCH_STRATEGY the auction's strategy, OUTCRY_BENCH_PROF names processes (`bbs,executors`) whose CPU profiles are put
 * where the working directory is.
 */
import { loadavg } from 'node:os';
import { machine, median, printTable, round } from './harness.js';
import { runChurn } from './mesos-churn.js';
import { runLaunches } from './mesos-launches.js';
import type { LaunchOrder } from './mesos-launches.js';
import { runOffers } from './mesos-offers.js';
import type { OffersResult, StepTime } from './mesos-offers.js';
import { withMesos } from './mesos-system.js';
import type { ExecutorKind } from './mesos-system.js';

const ROUNDS = Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 5);
const PROFILED = (process.env['OUTCRY_BENCH_PROF'] ?? '').split(',');

/** how the auctioneer chooses; its default when absent */
const STRATEGY = process.env['OUTCRY_BENCH_STRATEGY'];
const AUCTION = STRATEGY === undefined ? {} : { strategy: STRATEGY };

const size = (name: string, otherwise: number): number =>
  Number(process.env[`OUTCRY_BENCH_${name}`] ?? otherwise);

const execArgv = (component: string): string[] =>
  PROFILED.includes(component) ? ['--cpu-prof', `--cpu-prof-dir=${process.cwd()}/profile-${component}`] : [];

interface Figure {
  name: string;
  value: number;
  unit: string;
  aim: string;
  note: string;
}

const figure = (
  name: string,
  value: number,
  unit: string,
  more: { aim?: string; note?: string } = {},
): Figure => ({
  ...{ name, value, unit, aim: '', note: '' },
  ...more,
});

const perEach = (cpu: Record<string, number>, count: number, unit: string): Figure[] =>
  Object.entries({ all: Object.values(cpu).reduce((sum, ms) => sum + ms, 0), ...cpu }).map(([name, ms]) =>
    figure(`… ${name}`, round((ms / count) * 1_000), unit),
  );

const offers = async (): Promise<Figure[]> => {
  const order = { agents: size('AGENTS', 10_000), lrps: size('INSTANCES', 10_000) };
  const rounds: OffersResult[] = [];
  for (let nth = 0; nth <= ROUNDS; nth += 1) rounds.push(runOffers(order));
  const counted = rounds.slice(1);
  const over = (name: string, of: keyof StepTime): number =>
    round(median(counted.map(({ steps }) => steps[name]?.[of] ?? NaN)));
  const { all: _all, ...steps } = counted[0]?.steps ?? {};
  const cold = rounds[0]?.steps['all'];
  return [
    figure(`${order.agents} offers, ${order.lrps} LRPs`, over('all', 'ms'), 'ms', {
      aim: '≤ 1,000',
      note: `median of ${ROUNDS}; the first, cold: ${round(cold?.ms ?? NaN)} ms; ${counted.at(-1)?.residentMb} MB`,
    }),
    figure('… CPU', over('all', 'cpuMs'), 'ms of CPU', { note: `cold: ${round(cold?.cpuMs ?? NaN)} ms` }),
    ...Object.keys(steps).map((name) => figure(`… ${name}`, over(name, 'cpuMs'), 'ms of CPU')),
  ];
};

const WARM_UP_S = 2;

const launchFigures = async (
  mesos: { executors: ExecutorKind; agents: number },
  order: Omit<LaunchOrder, 'round'>,
): Promise<Figure[]> => {
  const found = await withMesos({ ...mesos, ...AUCTION, execArgv }, async (bench) => {
    await runLaunches(bench, { ...order, round: 'warm', seconds: WARM_UP_S });
    return runLaunches(bench, { ...order, round: 'timed' });
  });
  if (found.failed > 0) throw new Error(`${found.failed} tasks failed`);
  const { p50, p99, most, launches } = found;
  return [
    figure(`${launches} launches on ${mesos.agents} agents`, round(found.perSecond), '/s', {
      aim: `${order.rate}`,
      note: `${order.seconds} s, executors: ${mesos.executors}`,
    }),
    figure('… to RUNNING, 99 %', round(p99), 'ms', {
      aim: '≤ 1,000',
      note: `p50 ${round(p50)} ms, longest ${round(most)} ms`,
    }),
    ...perEach(found.cpu, launches, 'µs of CPU a launch'),
  ];
};

const launches = (): Promise<Figure[]> =>
  launchFigures(
    { executors: 'shared', agents: size('AGENTS', 100) },
    { rate: size('RATE', 350), seconds: size('SECONDS', 60), runSeconds: 1 },
  );

const processes = (): Promise<Figure[]> =>
  launchFigures(
    { executors: 'processes', agents: size('AGENTS', 5) },
    { rate: size('RATE', 10), seconds: size('SECONDS', 30), runSeconds: 1 },
  );

const churn = async (): Promise<Figure[]> => {
  const order = { instances: size('INSTANCES', 4_000), share: 0.1, seconds: size('SECONDS', 60) };
  const options = { executors: 'shared', agents: size('AGENTS', 100), ...AUCTION, execArgv } as const;
  const found = await withMesos(options, (bench) => runChurn(bench, order));
  const { instances, replaced, seconds, cpu, startCpu } = found;
  const share = (name: string, aim = ''): Figure =>
    figure(`… ${name}`, round((cpu[name] ?? NaN) / (seconds * 10), 1), '% of a core', { aim });
  const { 'mesos-bridge': _bridge, ...others } = cpu;
  return [
    figure(`${instances} instances, ${replaced} replaced`, seconds, 's', {
      note: `all ran within ${round(found.startSeconds)} s`,
    }),
    share('mesos-bridge', '≤ 10'),
    figure('… mesos-bridge, resident', found.bridgeMb, 'MB', {
      aim: '≤ 200',
      note: `highest ${found.bridgeMostMb} MB`,
    }),
    ...Object.keys(others).map((name) => share(name)),
    ...perEach(startCpu, instances, 'µs of CPU a start'),
  ];
};

const CASES: Record<string, () => Promise<Figure[]>> = { offers, launches, churn, processes };

const named = process.argv.slice(3);
const unknown = named.filter((name) => !(name in CASES));
if (unknown.length > 0)
  throw new Error(`no case ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}`);

const busy = (): number => round(loadavg()[0] ?? 0, 1);
const results: Figure[] = [];
const loadBefore = busy();
for (const name of named.length > 0 ? named : Object.keys(CASES))
  results.push(...((await CASES[name]?.()) ?? []));
console.log(JSON.stringify({ bench: 'mesos', ...machine(), load: [loadBefore, busy()], results }));
printTable([
  ['what', 'figure', '', 'aim', 'note'],
  ...results.map(({ name, value, unit, aim, note }) => [name, value.toLocaleString('en'), unit, aim, note]),
]);
