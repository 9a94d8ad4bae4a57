/** What is measured of a router; each case has a router of its own. */
import { startRouterBench } from './router-start.js';
import type { RouterBench } from './router-start.js';
import { median, round } from './harness.js';
import { cpuTimeOf, residentOf } from './process-usage.js';
import type { LoadResult } from './router-load.js';
import { measureTable } from './router-table.js';

export interface Settings {
  readonly rounds: number;
  /** of a round */
  readonly requests: number;
  /** what Node.js is given for the router */
  readonly execArgv: readonly string[];
}

/** what, figure, what it is to be */
export type Row = readonly [what: string, figure: string, aim: string];
type Case = (settings: Settings) => Promise<Row[]>;

const ROUTES = 10_000;
const ORDER = { job: 'requests', connections: 64, hosts: 1_000 } as const;
const SOCKETS = 5_000;
const GIGABYTE = 2 ** 30;

const withRouter = async (
  { execArgv }: Settings,
  routes: number,
  run: (bench: RouterBench) => Promise<Row[]>,
): Promise<Row[]> => {
  const bench = await startRouterBench(execArgv);
  try {
    await bench.register(routes);
    return await run(bench);
  } finally {
    await bench.close();
  }
};

interface Round extends LoadResult {
  /** µs of CPU of the router, all threads, per request */
  readonly cpuUs: number;
  /** ms of it altogether */
  readonly cpuMs: number;
}

const runRound = async ({ pid, port, work }: RouterBench, count: number): Promise<Round> => {
  const from = cpuTimeOf(pid).all;
  const result = await work({ ...ORDER, port, count });
  const cpuMs = cpuTimeOf(pid).all - from;
  return { ...result, cpuMs, cpuUs: (cpuMs * 1000) / result.requests };
};

const perSecond = ({ requests, took }: LoadResult): number => (requests * 1000) / took;

const medianOf =
  (rounds: readonly Round[]) =>
  (value: (one: Round) => number): number =>
    round(median(rounds.map(value)), 1);

const requests: Case = (settings) =>
  withRouter(settings, ROUTES, async (bench) => {
    // before that much, half of the time is spent on compiling
    await runRound(bench, settings.requests);
    const rounds: Round[] = [];
    for (let nth = 0; nth < settings.rounds; nth += 1) rounds.push(await runRound(bench, settings.requests));
    const of = medianOf(rounds);
    const failed = rounds.reduce((sum, one) => sum + one.failed, 0);
    const memory = residentOf(bench.pid);
    return [
      ['CPU of the router per request', `${of(({ cpuUs }) => cpuUs)} µs`, '100 µs'],
      ['p50, p99 at 64 connections', `${of(({ p50 }) => p50)}, ${of(({ p99 }) => p99)} ms`, 'p99 15 ms'],
      ['requests per second', `${of(perSecond)} (${failed} failed)`, ''],
      ['resident after them, 10,000 routes', `${memory.now} MB (highest ${memory.highest})`, '120 MB'],
    ];
  });

const memory: Case = (settings) =>
  withRouter(settings, 1, async (bench) => {
    const one = residentOf(bench.pid).now;
    await bench.register(ROUTES);
    return [['resident before any request: 1 route, 10,000', `${one}, ${residentOf(bench.pid).now} MB`, '']];
  });

const CHANGES_PER_TICK = 10;
const TICK_MS = 10;

/** 1,000 a second, half of them unregistrations, of routes that get no requests. */
const startChanges = ({ change }: RouterBench): (() => void) => {
  let nth = 0;
  const timer = setInterval(() => {
    for (let some = 0; some < CHANGES_PER_TICK; some += 1) {
      const route = ORDER.hosts + (Math.floor(nth / 2) % (ROUTES - ORDER.hosts));
      change(nth % 2 === 0 ? 'unregister' : 'register', route);
      nth += 1;
    }
  }, TICK_MS);
  return () => clearInterval(timer);
};

/** Rounds with and without take turns, so that what else the machine does meets both alike. */
const changes: Case = (settings) =>
  withRouter(settings, ROUTES, async (bench) => {
    await runRound(bench, settings.requests);
    const [without, during]: [Round[], Round[]] = [[], []];
    for (let nth = 0; nth < settings.rounds; nth += 1) {
      without.push(await runRound(bench, settings.requests));
      const stop = startChanges(bench);
      during.push(await runRound(bench, settings.requests));
      stop();
    }
    const [plain, changing] = [medianOf(without), medianOf(during)];
    const more = changing(({ cpuUs }) => cpuUs) / plain(({ cpuUs }) => cpuUs) - 1;
    const less = 1 - changing(perSecond) / plain(perSecond);
    return [
      ['1,000 changes a second: more CPU per request', `${round(more * 100, 1)} %`, '10 %'],
      ['1,000 changes a second: less throughput', `${round(less * 100, 1)} %`, '10 %'],
    ];
  });

const GIGABYTES = 3;

const bytes =
  (job: 'download' | 'upload'): Case =>
  (settings) =>
    withRouter(settings, 1, async ({ pid, port, work }) => {
      const before = residentOf(pid).now;
      const rounds: { speed: number; cpu: number }[] = [];
      for (let nth = 0; nth < GIGABYTES; nth += 1) {
        const from = cpuTimeOf(pid).all;
        const { took, failed } = await work({ job, port, bytes: GIGABYTE });
        if (failed > 0) throw new Error(`${job} failed`);
        rounds.push({ speed: 1024 / (took / 1000), cpu: cpuTimeOf(pid).all - from });
      }
      const speed = round(median(rounds.map((one) => one.speed)));
      const cpu = round(median(rounds.map((one) => one.cpu)));
      const { now, highest } = residentOf(pid);
      return [
        [`1 GB, ${job}`, `${speed} MB/s, ${cpu} ms CPU`, '500 MB/s'],
        [
          `memory in ${GIGABYTES} of them`,
          `${before} MB before, ${now} after, ${highest} at most`,
          'does not grow',
        ],
      ];
    });

const sockets: Case = (settings) =>
  withRouter(settings, 1, async ({ pid, port, work }) => {
    const before = residentOf(pid).now;
    const { failed } = await work({ job: 'sockets', port, count: SOCKETS });
    const { now } = residentOf(pid);
    return [['5,000 idle WebSockets', `${now} MB, ${now - before} of them (${failed} failed)`, '150 MB']];
  });

const table: Case = () => {
  const measured = measureTable();
  return Promise.resolve([
    ['250,000 routes read and taken', `${measured.loadCpuS} s CPU`, '3 s'],
    ['look-up among them', `${measured.lookupUs} µs`, '2 µs'],
    ['a registration seen before', `${measured.refreshUs} µs`, ''],
    ['1,000 changes a second', `${measured.changesPercent} % of a core`, '10 %'],
  ]);
};

export const CASES: Readonly<Record<string, Case>> = {
  requests,
  memory,
  changes,
  download: bytes('download'),
  upload: bytes('upload'),
  sockets,
  table,
};
