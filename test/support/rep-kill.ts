/**
 * A cell whose rep is killed again and again, with applications and tasks that come, go, crash and are ended meanwhile.
 * Programs are watched past the platform: none is started twice, whoever lived on is the same process, whoever ended is
 * told of once with its status, and nothing is left of the rest.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import type { DockerEngine } from './docker-engine.js';
import { eventually } from './eventually.js';
import { createProcessSystem } from './processes.js';
import type { ProcessSystem } from './processes.js';
import { NEVER_BEGUN, judge } from './rep-kill-checks.js';
import type { Survivors, Verdict } from './rep-kill-checks.js';
import { DOMAIN, churn, removeOld } from './rep-kill-work.js';
import type { Work } from './rep-kill-work.js';
import { watchEngine, watchProcesses } from './rep-kill-witness.js';
import type { Witness } from './rep-kill-witness.js';

export interface RepKillOptions {
  seed: number;
  rounds: number;
  /** absent: the process runtime */
  engine?: DockerEngine;
  onRound?: (counts: RepKillCounts) => void;
  /** ms after a start in which all has to be well; default: a comparison with the BBS, and time for the start */
  patienceMs?: number;
  /** what is found cannot become well any more: it need not be waited for */
  isHopeless?: (problems: readonly string[]) => boolean;
  /** does something while there is no rep, so as to see that it is found */
  tamper?: (witness: Witness) => void;
}

export interface RepKillCounts {
  rounds: number;
  /** kills of a rep that had just been started */
  killedStarting: number;
  apps: number;
  tasks: number;
  scaled: number;
  cancelled: number;
  /** programs that were ended from outside, and those of them that ended while there was no rep */
  signalled: number;
  signalledMeanwhile: number;
  /** starts of programs, as they were seen */
  started: number;
  crashes: number;
  tasksEnded: number;
  /** tasks that had not begun when the rep was killed, or found none */
  tasksLost: number;
  /** processes that lived when the rep was killed, over all rounds */
  lived: number;
  /** from the last start of a rep until all was as it should be, at most */
  slowestMs: number;
}

export interface RepKillReport extends RepKillCounts {
  problems: string[];
}

/** The time between two comparisons with the BBS, and what a start may take on a busy machine. */
const SYNC_MS = 30_000;
const START_MS = 10_000;
/** What a rep gave up because it read of it too late is placed anew by convergence, which has a turn of its own. */
const PLACED_ANEW_MS = 20_000;

const CELL = 'cell-1';

interface Trial {
  readonly system: ProcessSystem;
  readonly work: Work;
  readonly counts: RepKillCounts;
  /** instances whose crashes were told */
  readonly crashed: Set<string>;
  readonly options: RepKillOptions;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until nothing is wrong any more; what is wrong at the end stays. */
const settle = async ({ work, options }: Trial, survivors: Survivors, deadline: number): Promise<Verdict> => {
  for (;;) {
    const verdict = await judge(work, survivors);
    const { problems } = verdict;
    const isOver = performance.now() > deadline || (options.isHopeless?.(problems) ?? false);
    if (problems.length === 0 || isOver) return verdict;
    await pause(200);
  }
};

const kill = async ({ system, work, counts }: Trial): Promise<Survivors> => {
  await eventually(
    async () => {
      if (work.witness.alive().size > 0) return true;
      // chance may have desired nothing yet, or taken it all away again
      await churn(work, 100);
      return false;
    },
    { timeoutMs: 60_000, what: 'something runs' },
  );
  const survivors = work.witness.alive();
  await system.kill(CELL);
  counts.lived += survivors.size;
  return survivors;
};

/** Some starts are cut short. */
const startSomehow = async ({ system, work, counts }: Trial): Promise<number> => {
  while (work.random.fraction() < 0.2) {
    system.start(CELL);
    await pause(work.random.fraction() * 2_500);
    await system.kill(CELL);
    counts.killedStarting += 1;
  }
  system.start(CELL);
  return performance.now();
};

/** What has been judged is not looked at again. */
const forget = ({ work, counts, crashed }: Trial, { ended, crashes }: Verdict): void => {
  for (const { taskGuid, failureReason } of ended) {
    work.jobs.delete(taskGuid);
    counts.tasksEnded += 1;
    if (NEVER_BEGUN.includes(failureReason)) counts.tasksLost += 1;
  }
  for (const [guid, { removed }] of work.apps) if (removed) work.apps.delete(guid);
  for (const guid of crashes) crashed.add(guid);
  counts.crashes = crashed.size;
};

const round = async (trial: Trial): Promise<string[]> => {
  const { work, counts, options } = trial;
  const { fraction } = work.random;
  await removeOld(work);
  await churn(work, 300 + fraction() * 2_000);
  const survivors = await kill(trial);
  const before = work.counts.signalled;
  await churn(work, fraction() * 1_200);
  options.tamper?.(work.witness);
  const startedAt = await startSomehow(trial);
  counts.signalledMeanwhile += work.counts.signalled - before;
  await churn(work, fraction() * 1_000);
  const deadline = startedAt + (options.patienceMs ?? START_MS + SYNC_MS + PLACED_ANEW_MS);
  const verdict = await settle(trial, survivors, deadline);
  counts.slowestMs = Math.max(counts.slowestMs, Math.round(performance.now() - startedAt));
  forget(trial, verdict);
  return verdict.problems;
};

const GUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}|task-\d+/;
const SHOWN_LINES = 20;

/** What the rep has logged of the first one of whom something is wrong. */
const said = ({ dir }: ProcessSystem, problems: readonly string[]): string[] => {
  const guid = problems.map((problem) => GUID.exec(problem)?.[0]).find((one) => one !== undefined);
  if (guid === undefined) return [];
  const lines = readFileSync(join(dir, 'logs', `${CELL}.log`), 'utf8').split('\n');
  const own = lines.filter((line) => line.includes(`"${guid}"`) || line.includes('"event":"rep.started"'));
  return own.slice(-SHOWN_LINES).map((line) => `  ${line.slice(0, 400)}`);
};

/** What each process has logged last, where one seems to have gone. */
const lastSaid = ({ dir }: ProcessSystem): string[] =>
  readdirSync(join(dir, 'logs')).flatMap((file) =>
    readFileSync(join(dir, 'logs', file), 'utf8')
      .trim()
      .split('\n')
      .slice(-8)
      .map((line) => `  ${file}: ${line}`),
  );

const openSystem = async ({ engine }: RepKillOptions): Promise<ProcessSystem> => {
  const system = await createProcessSystem({
    cells: 1,
    natsServers: 1,
    // a rep that takes long to start is not what is tried here
    presenceTtlMs: 60_000,
    // a stop that a dead rep has missed comes with the next pass
    bbs: { converge_repeat_interval: '5s' },
    cell: { graceful_shutdown_interval: '1s', memory: '4G', disk: '8G' },
    ...(engine && { docker: { socketPath: engine.socketPath, image: engine.image } }),
  });
  for (const name of [...system.natsServers, 'bbs', 'auctioneer', CELL]) system.start(name);
  await eventually(
    async () => {
      const cells = await system.bbs.cells();
      return cells.ok && cells.value.some(({ cellId }) => cellId === CELL);
    },
    { timeoutMs: 60_000, what: 'the cell is there' },
  );
  await system.bbs.upsertDomain(DOMAIN, 0, 'rep-kill');
  return system;
};

const newCounts = (): RepKillCounts => ({
  rounds: 0,
  killedStarting: 0,
  apps: 0,
  tasks: 0,
  scaled: 0,
  cancelled: 0,
  signalled: 0,
  signalledMeanwhile: 0,
  started: 0,
  crashes: 0,
  tasksEnded: 0,
  tasksLost: 0,
  lived: 0,
  slowestMs: 0,
});

/** so that each trial knows its own programs from those of another in the same process */
let trials = 0;

const openWork = async (options: RepKillOptions, { bbs, dir }: ProcessSystem): Promise<Work> => {
  const random = createSeededRandom(options.seed);
  const watched = {
    mark: `rep-kill-${process.pid}-${(trials += 1)}`,
    dataDir: join(dir, CELL, 'data'),
    cellId: CELL,
  };
  const { engine } = options;
  return {
    bbs,
    random,
    witness: engine ? await watchEngine(engine.client, watched) : await watchProcesses(watched),
    apps: new Map(),
    jobs: new Map(),
    doomed: new Map(),
    most: engine ? { apps: 6, jobs: 6 } : { apps: 10, jobs: 10 },
    counts: { apps: 0, tasks: 0, signalled: 0, cancelled: 0, scaled: 0 },
  };
};

export const killRepAgainAndAgain = async (options: RepKillOptions): Promise<RepKillReport> => {
  const system = await openSystem(options);
  const counts = newCounts();
  const problems: string[] = [];
  const work = await openWork(options, system);
  const trial = { system, work, counts, options, crashed: new Set<string>() };
  try {
    while (counts.rounds < options.rounds && problems.length === 0) {
      const wrong = await round(trial);
      problems.push(...wrong.map((problem) => `round ${counts.rounds + 1}: ${problem}`));
      counts.rounds += 1;
      Object.assign(counts, work.counts, { started: work.witness.starts().size });
      options.onRound?.(counts);
    }
    problems.push(...said(system, problems));
    problems.push(...system.defects().map((defect) => `defect: ${defect}`));
  } catch (error) {
    problems.push(`round ${counts.rounds + 1}: ${(error as Error).stack}`, ...lastSaid(system));
  } finally {
    work.witness.close();
    await system.close();
  }
  return { ...counts, problems };
};
