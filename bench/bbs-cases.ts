/** The cases of bench/bbs.ts: each sets up a BBS of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint } from '../common/runtime/endpoint.js';
import { createBbsProcess } from '../test/support/bbs-process.js';
import type { BbsProcess } from '../test/support/bbs-process.js';
import { createTestAuthority } from '../test/support/certificates.js';
import { freePort } from '../test/support/nats-server.js';
import { fillBoard } from './bbs-board-file.js';
import { startLoad } from './bbs-run.js';
import type { Measured } from './bbs-run.js';
import { median, round } from './harness.js';
import { residentOf } from './process-usage.js';

export interface Settings {
  rounds: number;
  /** what Node.js is given for the BBS */
  execArgv: readonly string[];
}

/** One line of the table. */
export interface Figure {
  name: string;
  /** `value` is in this unit */
  unit: string;
  value: number;
  /** what is aimed at, as people read it */
  aim: string;
  runs: number;
  failed?: number;
  /** ms */
  p50?: number;
  p99?: number;
  /** of one of what is counted, µs, medians: all threads of the BBS, its main thread, the load */
  bbsUs?: number;
  mainUs?: number;
  loadUs?: number;
  note?: string;
}

export type Case = (settings: Settings) => Promise<Figure[]>;

const NS = 1_000;

const perOp = (measured: readonly Measured[], cpu: (one: Measured) => number): number =>
  round(median(measured.map((one) => (cpu(one) / one.ops) * NS)));

/** Operations per second: medians of all rounds. */
const rate = (name: string, aim: string, measured: readonly Measured[]): Figure => ({
  name,
  unit: '/s',
  value: round(median(measured.map(({ ops, ms }) => (ops / ms) * 1_000))),
  aim,
  runs: measured.length,
  failed: measured.reduce((sum, { failed }) => sum + failed, 0),
  p50: round(median(measured.map(({ p50 = 0 }) => p50)), 1),
  p99: round(median(measured.map(({ p99 = 0 }) => p99)), 1),
  bbsUs: perOp(measured, ({ bbs }) => bbs.all),
  mainUs: perOp(measured, ({ bbs }) => bbs.main),
  loadUs: perOp(measured, ({ load }) => load.all),
});

const useBbs = async <T>(
  options: Parameters<typeof createBbsProcess>[0],
  use: (bbs: BbsProcess) => Promise<T>,
): Promise<T> => {
  const bbs = createBbsProcess(options);
  try {
    return await use(bbs);
  } finally {
    await bbs.kill('SIGTERM');
    await bbs.close();
  }
};

interface Jobs {
  job: string;
  size: number;
  rounds: number;
  /** where a BBS is given several jobs, the number of the first round: each has guids of its own */
  first?: number;
}

/** A job round by round, the first of which only warms up; `settled` is called between them. */
const inRounds = async (bbs: BbsProcess, endpoint: Endpoint, jobs: Jobs): Promise<Measured[]> => {
  const load = startLoad();
  const counted: Measured[] = [];
  try {
    for (let nth = 0; nth <= jobs.rounds; nth += 1) {
      const order = { name: jobs.job, endpoint, round: (jobs.first ?? 0) + nth, size: jobs.size };
      const measured = await load.run(order, bbs.pid() ?? 0);
      if (nth > 0) counted.push(...measured);
    }
  } finally {
    load.close();
  }
  return counted;
};

const ROUND = 10_000;

const overSocket = ({ rounds, execArgv }: Settings, job: string, size = ROUND): Promise<Measured[]> =>
  useBbs({ execArgv }, async (bbs) => {
    await bbs.start();
    return inRounds(bbs, { socketPath: bbs.socketPath }, { job, rounds, size });
  });

const overTls = async ({ rounds, execArgv }: Settings, job: string): Promise<Measured[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  try {
    const authority = await createTestAuthority(dir);
    const [server, tls] = [await authority.issue('bbs'), await authority.issue('client')];
    const port = await freePort();
    const files = { cert: server.certFile, key: server.keyFile, ca: server.caFile };
    const config = { listen: { host: '127.0.0.1', port, tls: files } };
    const endpoint = { url: `https://127.0.0.1:${port}`, tls };
    return await useBbs({ execArgv, config, endpoint }, async (bbs) => {
      await bbs.start();
      return inRounds(bbs, endpoint, { job, rounds, size: ROUND });
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const partOf = (measured: readonly Measured[], name: string): Measured[] =>
  measured.filter(({ part }) => part === name);

const PARTS = ['claim', 'start', 'remove'];

const transitions: Case = async (settings) => {
  const measured = await overSocket(settings, 'transitions');
  return PARTS.map((part) => rate(part, '5,000/s', partOf(measured, part)));
};

const BULK_ROUND = 50_000;

const bulk: Case = async (settings) => {
  const measured = await overSocket(settings, 'bulk', BULK_ROUND);
  return PARTS.map((part) => rate(`bulk ${part}`, '15,000/s', partOf(measured, part)));
};

// ---- with a large board ----

const INSTANCES = 250_000;
const LISTS = 5;

interface Pass {
  /** ms since the epoch, of its end */
  endedAt: number;
  ms: number;
}

/** From the BBS's own log. */
const passesIn = (output: string): Pass[] =>
  output.split('\n').flatMap((line) => {
    if (!line.includes('"bbs.convergence.complete"')) return [];
    const { time, data } = JSON.parse(line) as { time: string; data: { duration_ms: number } };
    return [{ endedAt: Date.parse(time), ms: data.duration_ms }];
  });

/** From stretch-probe.ts, everything it has said so far. */
const stretchesIn = (output: string): [endedAt: number, ms: number][] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{"stretches"'))
    .flatMap((line) => (JSON.parse(line) as { stretches: [number, number][] }).stretches);

const longest = (output: string, from: number, to: number): number =>
  Math.max(
    0,
    ...stretchesIn(output)
      .filter(([endedAt]) => endedAt > from && endedAt <= to)
      .map(([, ms]) => ms),
  );

const until = async (what: string, check: () => boolean): Promise<void> => {
  const deadline = performance.now() + 120_000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`not within two minutes: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const PROBE = new URL('./stretch-probe.js', import.meta.url).href;

/** Has the probe tell what it has seen. */
const askProbe = async (bbs: BbsProcess): Promise<void> => {
  const before = bbs.output().split('{"stretches"').length;
  process.kill(bbs.pid() ?? 0, 'SIGUSR2');
  await until('the probe tells', () => bbs.output().split('{"stretches"').length > before);
};

/** How long others wait while the board is converged and listed; nothing else is timed here. */
const stretches = async (bbs: BbsProcess): Promise<Figure[]> => {
  const endpoint = { socketPath: bbs.socketPath };
  const passes = (): number => passesIn(bbs.output()).length;
  await bbs.start();
  await until('a pass before the cells have been heard', () => passes() > 1);
  await inRounds(bbs, endpoint, { job: 'cells', rounds: 0, size: 1 });
  const heardAt = Date.now();
  const before = passes();
  await until('some passes since the cells have been heard', () => passes() > before + 4);
  const listFrom = Date.now();
  const lists = await inRounds(bbs, endpoint, { job: 'list', rounds: 1, size: 3 });
  const listTo = Date.now();
  await askProbe(bbs);
  const output = bbs.output();
  const [first, second, ...later] = passesIn(output);
  // the one right after still has everything to look at
  const others = later.filter(({ endedAt, ms: took }) => endedAt - took > heardAt).slice(1);
  const over = ({ endedAt, ms }: Pass): number => longest(output, endedAt - ms, endedAt + 1);
  await bbs.kill('SIGTERM');
  const ms = (name: string, value: number, aim = '', note = ''): Figure => ({
    ...{ name, unit: 'ms', value, aim, runs: 1 },
    ...(note && { note }),
  });
  return [
    ms('first pass after a start', first?.ms ?? 0, '150 ms', 'rows are found by their indexes'),
    ms('… its longest stretch', first ? over(first) : 0, '10 ms'),
    ms(
      '… and of what follows it',
      first ? longest(output, first.endedAt, listFrom) : 0,
      '',
      'rows are decoded',
    ),
    ms('pass, no cell heard yet', second?.ms ?? 0, '150 ms'),
    ms('… its longest stretch', second ? over(second) : 0, '10 ms'),
    ms('pass', round(median(others.map((pass) => pass.ms)), 1), '150 ms'),
    ms('… its longest stretch', Math.max(...others.map(over)), '10 ms'),
    ms('list, its longest stretch', longest(output, listFrom, listTo), '10 ms', `${lists.length} lists`),
  ];
};

const listFigures = (lists: readonly Measured[]): Figure => ({
  ...rate(
    'list',
    '400,000 rows/s',
    lists.map((one) => ({ ...one, ops: INSTANCES })),
  ),
  unit: 'rows/s',
  note: `${round((lists[0]?.bytes ?? 0) / 2 ** 20)} MB`,
});

const board: Case = async ({ rounds, execArgv }) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-bench-'));
  const config = { log: { level: 'info' }, converge_repeat_interval: '1s' };
  try {
    await fillBoard(join(dir, 'data', 'db'), INSTANCES);
    const probed = { dir, config, execArgv: [...execArgv, `--import=${PROBE}`] };
    const waits = await useBbs(probed, stretches);
    return await useBbs({ dir, execArgv, config: {} }, async (bbs) => {
      await bbs.start();
      const endpoint = { socketPath: bbs.socketPath };
      const lists = await inRounds(bbs, endpoint, { job: 'list', rounds, size: LISTS });
      const desires = await inRounds(bbs, endpoint, { job: 'desire', rounds: 1, size: ROUND });
      const steps = await inRounds(bbs, endpoint, { job: 'transitions', rounds: 1, size: ROUND, first: 100 });
      await inRounds(bbs, endpoint, { job: 'list', rounds: 1, size: LISTS });
      return [
        ...waits,
        listFigures(lists),
        rate('desire, board of 250,000', '', desires),
        rate('transitions, board of 250,000', '', steps),
        {
          ...{ name: 'resident, the most', unit: 'MB', aim: '1,200 MB', runs: 1 },
          value: residentOf(bbs.pid() ?? 0).highest,
        },
      ];
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const SECONDS = 5;

const subscribers: Case = ({ execArgv }) =>
  useBbs({ execArgv }, async (bbs) => {
    await bbs.start();
    const [measured] = await inRounds(
      bbs,
      { socketPath: bbs.socketPath },
      { job: 'subscribers', rounds: 1, size: SECONDS },
    );
    if (!measured) return [];
    const share = (cpu: number): string => `${round((cpu / measured.ms) * 100)} %`;
    const { note = '', bytes = 0, bbs: used, load } = measured;
    return [
      {
        ...rate('changes heard by 100', '1,000/s', [measured]),
        note:
          `${note}; ${round(bytes / 2 ** 20)} MB; of one core the BBS used ${share(used.all)}, ` +
          `its main thread ${share(used.main)}, the load ${share(load.all)}`,
      },
    ];
  });

export const CASES: Readonly<Record<string, Case>> = {
  ping: async (settings) => [rate('ping', '', await overSocket(settings, 'ping'))],
  desire: async (settings) => [rate('desire', '5,000/s', await overSocket(settings, 'desire'))],
  'desire-tls': async (settings) => [rate('desire, mTLS', '3,000/s', await overTls(settings, 'desire'))],
  transitions,
  bulk,
  board,
  subscribers,
};
