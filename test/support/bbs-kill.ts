/**
 * A BBS that is killed again and again under many callers. Whatever they were told must be explained, for each key, by one
 * order of operations that ends in what the file holds after the kill.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Random } from '../../common/ports/random.js';
import { openGroupStore } from '../../common/store/group-store.js';
import { createSqliteEngine } from '../../common/store/sqlite-engine.js';
import type { BbsClient } from '../../bbs/index.js';
import { createHistory } from '../../bbs/controllers/history.js';
import type { History } from '../../bbs/controllers/history.js';
import { actualLrpRowKey } from '../../bbs/core/rows.js';
import { BBS_SCHEMA, BBS_SPECS } from '../../bbs/store/schema.js';
import type { BbsStore, BbsTables, CommittedTables, Emission } from '../../bbs/store/schema.js';
import { answerOf, fingerprint, KINDS, leadsTo, modelOf, partsIn } from './bbs-parts.js';
import type { Answer, Call, Kind, Part } from './bbs-parts.js';
import { createBbsProcess } from './bbs-process.js';
import { eventually } from './eventually.js';
import type { BbsProcess } from './bbs-process.js';
import { explain } from './linearizability.js';
import type { Operation } from './linearizability.js';

export interface KillOptions {
  seed: number;
  rounds: number;
  writers: number;
  readers: number;
  /** ms in which the BBS is killed after it has begun to answer */
  longestMs: number;
  /** told after every round */
  onRound?: (counts: KillCounts) => void;
  /** does something to the file of the dead BBS, so as to see that it is found */
  tamper?: (file: string, round: number) => Promise<void>;
}

export interface KillCounts {
  rounds: number;
  /** calls that were answered, refusals among them */
  answered: number;
  /** of these the ones that changed something */
  written: number;
  read: number;
  cutOff: number;
  /** kills before the BBS had begun to answer */
  killedStarting: number;
  keys: number;
  rows: number;
  /** longest time from start to answer, ms */
  slowestStart: number;
}

export interface KillReport extends KillCounts {
  problems: string[];
}

/** A key and all that is known of it. */
interface Watched {
  readonly kind: Kind;
  readonly key: string;
  /** as the file held it after the last kill */
  part: Part;
  history: Operation<Call, Answer>[];
}

/** Keys are worked on for so many rounds; then others are, and what they were left at has to stay. */
const GENERATION = 25;

const NOTHING: Part = new Map();

const generation = (number: number): Watched[] =>
  KINDS.flatMap(({ kind, keys }) =>
    Array.from({ length: keys }, (_, at) => ({
      kind,
      key: `${kind.name.replace(' ', '-')}-${number}-${at}`,
      part: NOTHING,
      history: [],
    })),
  );

/** What is wrong with rows taken by themselves; [] = nothing. */
const wrongRows = (tables: CommittedTables): string[] => {
  const wrong: string[] = [];
  const epochs = new Set<string>();
  const check = (name: string, holds: boolean): void => {
    if (!holds) wrong.push(`a row that cannot be: ${name}`);
  };
  const tag = (name: string, row: { modificationTag: ActualLrp['modificationTag'] }): void => {
    const { epoch, index } = row.modificationTag;
    check(`${name} has the tag ${epoch} ${index}`, epoch !== '' && index >= 0 && !epochs.has(epoch));
    epochs.add(epoch);
  };
  const lrp = (name: string, row: ActualLrp): void => {
    const placed = row.state === 'CLAIMED' || row.state === 'RUNNING';
    check(`${name} lies at another key`, name === actualLrpRowKey(row));
    check(
      `${name} is ${row.state} on '${row.cellId}'`,
      placed === (row.instanceGuid !== '' && row.cellId !== ''),
    );
    check(`${name} has no address`, row.state !== 'RUNNING' || row.address !== '');
  };
  const task = (name: string, row: Task): void => {
    const ended = row.state === 'Completed' || row.state === 'Resolving';
    check(`${name} lies at another key`, name === row.taskGuid);
    check(`${name} is ${row.state} on '${row.cellId}'`, row.state !== 'Running' || row.cellId !== '');
    check(`${name} is ${row.state}, ended ${row.firstCompletedAt}`, ended === row.firstCompletedAt > 0);
  };
  for (const [key, row] of tables.desired_lrps.entries()) tag(key, row);
  for (const [key, row] of tables.actual_lrps.entries()) {
    tag(key, row);
    lrp(key, row);
  }
  for (const [key, row] of tables.tasks.entries()) task(key, row);
  for (const [key, row] of tables.leases.entries()) check(`lease ${key}`, key === row.name && row.epoch > 0);
  for (const [key, row] of tables.kv.entries()) check(`kv ${key}`, key === row.key && row.version > 0);
  return wrong;
};

const LIMITS = { historyEntries: 50_000, historyPerGuid: 30 };

/** Opens the file of a dead BBS, as the next one would. */
export const openFile = (dir: string, history = createHistory(LIMITS)): Promise<BbsStore> =>
  openGroupStore<BbsTables, Emission>({
    engine: createSqliteEngine({ dir }),
    schema: BBS_SCHEMA,
    specs: BBS_SPECS,
    journal: history.journal,
    logger: silentLogger,
  });

/** What is told last of an instance in each state: it is written with the row, or neither is. */
const LAST: Record<ActualLrp['state'], readonly string[]> = {
  UNCLAIMED: [],
  CLAIMED: ['claimed'],
  RUNNING: ['running', 'routable'],
  CRASHED: ['crashed'],
};

const wrongHistory = async (tables: CommittedTables, history: History): Promise<string[]> => {
  const wrong: string[] = [];
  for (const [key, { processGuid: guid, index, state, instanceGuid }] of tables.actual_lrps.entries()) {
    if (state === 'UNCLAIMED') continue;
    const told = await history.history({ guid, index, limit: 0 });
    const last = told.ok ? told.value.filter((entry) => entry.index !== -1).at(-1) : undefined;
    const isOfRow = state === 'CRASHED' || last?.instanceGuid === instanceGuid;
    if (last === undefined || !LAST[state].includes(last.what) || !isOfRow)
      wrong.push(`${key} is ${state}, and its history ends with ${JSON.stringify(last)}`);
  }
  return wrong;
};

/** Reads what a dead BBS has left, on a copy: the next one finds it as it is. */
const withFile = async (
  file: string,
  judge: (tables: CommittedTables) => readonly string[],
): Promise<string[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-left-'));
  try {
    for (const end of ['', '-wal']) {
      if (existsSync(file + end)) copyFileSync(file + end, join(dir, `bbs.db${end}`));
    }
    const history = createHistory(LIMITS);
    const store = await openFile(dir, history);
    try {
      return [...judge(store.committed), ...(await wrongHistory(store.committed, history))];
    } finally {
      await store.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const told = ({ input, output, called, ended }: Operation<Call, Answer>): string =>
  `    ${called.toFixed(2)}…${ended.toFixed(2)} ${input.says}: ${(output ?? 'cut off').slice(0, 600)}`;

const shown = (part: Part): string => `    ${fingerprint(part).slice(0, 1_000) || 'nothing'}`;

/** What is wrong with one key; undefined = all is explained. */
const problemOf = ({ kind, key, part, history }: Watched, left: Part): string | undefined => {
  const verdict = explain(modelOf(kind), [part], history);
  if (!verdict.explained) {
    const lines = [
      `${key}: no order explains`,
      told(verdict.at),
      '  when it could have been',
      ...verdict.states.map(shown),
      '  beside',
      ...verdict.beside.map(told),
    ];
    return lines.join('\n');
  }
  if (leadsTo(kind, verdict.states, left)) return undefined;
  const lines = [`${key}: the file holds`, shown(left), '  but it should be', ...verdict.states.map(shown)];
  return [...lines, '  after', ...history.slice(-10).map(told)].join('\n');
};

interface Crew {
  readonly watched: readonly Watched[];
  readonly random: Random;
  readonly counts: KillCounts;
  /** calls that no answer came to: they end with the kill */
  readonly open: { entry: Watched; input: Call; called: number }[];
}

/** Calls one after another until one is cut off. */
const work = async (bbs: BbsClient, crew: Crew, draw: 'draw' | 'look'): Promise<void> => {
  const { watched, random, counts, open } = crew;
  for (;;) {
    const entry = watched[Math.floor(random.fraction() * watched.length)];
    if (entry === undefined) return;
    const input = entry.kind[draw](entry.key, random);
    const called = performance.now();
    const result = await input.ask(bbs);
    const output = answerOf(input, result);
    if (output === undefined) return void open.push({ entry, input, called });
    entry.history.push({ input, called, ended: performance.now(), output });
    counts.answered += 1;
    if (draw === 'look') counts.read += 1;
    else if (result.ok) counts.written += 1;
  }
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers that a kill waits for: so many, and at random up to so many more. */
const LEAST_AWAITED = 20;
const SPREAD_AWAITED = 100;

/** Most starts go well; some are killed on the way. */
const startSomehow = async (bbs: BbsProcess, random: Random, counts: KillCounts): Promise<void> => {
  while (random.fraction() < 0.1) {
    bbs.spawn();
    await pause(random.fraction() * 900);
    await bbs.kill();
    counts.killedStarting += 1;
  }
  const began = performance.now();
  await bbs.start();
  counts.slowestStart = Math.max(counts.slowestStart, performance.now() - began);
};

/** One life of the BBS: from its start to the kill, with everything that was asked meanwhile. */
const live = async (bbs: BbsProcess, crew: Crew, options: KillOptions): Promise<void> => {
  const { random, counts, open } = crew;
  await startSomehow(bbs, random, counts);
  const clients = [bbs.client(), bbs.client()] as const;
  const crews = [
    ...Array.from({ length: options.writers }, () => work(clients[0], crew, 'draw')),
    ...Array.from({ length: options.readers }, () => work(clients[1], crew, 'look')),
  ];
  const enough = counts.answered + LEAST_AWAITED + Math.floor(random.fraction() * SPREAD_AWAITED);
  await pause(random.fraction() * options.longestMs);
  // where the machine is slow a kill by the clock alone would meet a BBS that has hardly been asked
  await eventually(() => counts.answered >= enough, { timeoutMs: 60_000, what: 'answers before the kill' });
  await bbs.kill();
  const killed = performance.now();
  await Promise.all(crews);
  await Promise.all(clients.map((client) => client.close()));
  counts.cutOff += open.length;
  for (const { entry, input, called } of open.splice(0)) {
    entry.history.push({ input, called, ended: killed, output: undefined });
  }
};

/** Judges a round, and begins the next one from what the file holds. */
const judge = (tables: CommittedTables, watched: readonly Watched[], counts: KillCounts): string[] => {
  const { parts, strays } = partsIn(tables, watched);
  const problems = [...wrongRows(tables), ...strays.map((row) => `a row from nowhere: ${row}`)];
  counts.rows = 0;
  for (const entry of watched) {
    const left = parts.get(entry.key) ?? NOTHING;
    const problem = problemOf(entry, left);
    if (problem !== undefined) problems.push(problem);
    entry.part = left;
    entry.history = [];
    counts.rows += left.size;
  }
  return problems;
};

export const killAgainAndAgain = async (options: KillOptions): Promise<KillReport> => {
  const random = createSeededRandom(options.seed);
  const bbs = createBbsProcess();
  const counts: KillCounts = {
    rounds: 0,
    answered: 0,
    written: 0,
    read: 0,
    cutOff: 0,
    killedStarting: 0,
    keys: 0,
    rows: 0,
    slowestStart: 0,
  };
  const all: Watched[] = [];
  const problems: string[] = [];
  let watched: Watched[] = [];
  try {
    for (let round = 0; round < options.rounds && problems.length === 0; round += 1) {
      if (round % GENERATION === 0) {
        watched = generation(round / GENERATION);
        all.push(...watched);
        counts.keys = all.length;
      }
      await live(bbs, { watched, random, counts, open: [] }, options);
      await options.tamper?.(bbs.file, round);
      const wrong = await withFile(bbs.file, (tables) => judge(tables, all, counts));
      problems.push(...wrong.map((problem) => `round ${round + 1}: ${problem}`));
      counts.rounds += 1;
      options.onRound?.(counts);
    }
  } catch (error) {
    problems.push(`round ${counts.rounds + 1}: ${(error as Error).stack}\n${bbs.output()}`);
  } finally {
    await bbs.close();
  }
  return { ...counts, problems };
};
