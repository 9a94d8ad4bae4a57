/** What has to hold of a cell whose rep was killed, once it is back. */
import type { HistoryEntry } from '../../common/model/history.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { DOMAIN, exitedWith } from './rep-kill-work.js';
import type { App, Job, Work } from './rep-kill-work.js';
import type { Alive } from './rep-kill-witness.js';

/** After so many crashes Diego waits before the next start. */
const CRASHES_AT_ONCE = 3;

/** Processes that lived when the rep was killed, by `GUID STEP`. */
export type Survivors = ReadonlyMap<string, Alive>;

interface Snapshot {
  rows: ActualLrp[];
  tasks: Map<string, Task>;
  /** of each application that is desired */
  histories: Map<string, HistoryEntry[]>;
  starts: ReadonlyMap<string, number>;
  alive: Map<string, Alive>;
  kept: Map<string, string>;
}

const value = <T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

const look = async ({ apps, bbs, witness }: Work): Promise<Snapshot> => {
  const [rows, tasks] = [
    value(await bbs.actualLrps({ domain: DOMAIN })),
    value(await bbs.tasks({ domain: DOMAIN })),
  ];
  const histories = new Map<string, HistoryEntry[]>();
  for (const guid of apps.keys())
    histories.set(guid, value(await bbs.history({ guid, index: -1, limit: 0 })));
  const kept = await witness.kept();
  return {
    rows,
    tasks: new Map(tasks.map((task) => [task.taskGuid, task])),
    histories,
    starts: witness.starts(),
    alive: witness.alive(),
    kept,
  };
};

const nameOf = ({ processGuid, index, instanceGuid }: ActualLrp): string =>
  `${processGuid}/${index} ${instanceGuid}`;

/** Every instance that is desired runs, or has crashed too often; no other is there. */
const wrongRows = (app: App, { rows, alive }: Snapshot): string[] => {
  const own = rows.filter(({ processGuid }) => processGuid === app.processGuid);
  if (app.removed) return own.map((row) => `${nameOf(row)} is ${row.state}, and nobody desires it`);
  const wrong: string[] = [];
  for (let index = 0; index < app.instances; index += 1) {
    const [row, ...more] = own.filter((one) => one.index === index);
    if (row === undefined || more.length > 0)
      wrong.push(`${app.processGuid}/${index} has ${own.length} rows`);
    else if (row.state === 'RUNNING' && !alive.has(`${row.instanceGuid} main`))
      wrong.push(`${nameOf(row)} is RUNNING, and has no process`);
    else if (row.state === 'CRASHED' && row.crashCount < CRASHES_AT_ONCE)
      wrong.push(`${nameOf(row)} is CRASHED after ${row.crashCount}`);
    else if (row.state !== 'RUNNING' && row.state !== 'CRASHED')
      wrong.push(`${nameOf(row)} is ${row.state} ${row.placementError}`);
  }
  if (own.length > app.instances) wrong.push(`${app.processGuid} has ${own.length} rows of ${app.instances}`);
  return wrong;
};

/** Each crash is told once, and as what it was; none is told of what went on, or was stopped. */
const wrongCrashes = (app: App, { doomed }: Work, seen: Snapshot): string[] => {
  const { alive, starts, histories } = seen;
  const history = histories.get(app.processGuid) ?? [];
  const crashes = history.filter(({ what }) => what === 'crashed');
  const wrong: string[] = [];
  const told = new Map<string, number>();
  for (const { instanceGuid, reason } of crashes) {
    // the row's change to CRASHED is told beside the crash itself, without an instance
    if (instanceGuid === '') continue;
    told.set(instanceGuid, (told.get(instanceGuid) ?? 0) + 1);
    const status = doomed.get(instanceGuid) ?? (app.kind === 'crasher' ? app.status : undefined);
    if (status === undefined || reason !== exitedWith(status))
      wrong.push(
        `${app.processGuid} (${app.kind}) ${instanceGuid} crashed: '${reason}', should be ${status ?? 'none'}`,
      );
  }
  for (const [guid, times] of told) if (times > 1) wrong.push(`the crash of ${guid} was told ${times} times`);
  if (app.removed || app.shrunk) return wrong;
  for (const guid of new Set(history.map(({ instanceGuid }) => instanceGuid))) {
    const ended = starts.has(`${guid} main`) && !alive.has(`${guid} main`);
    if (ended && !told.has(guid)) wrong.push(`${app.processGuid} ${guid} ended, and nobody was told`);
  }
  return wrong;
};

/** What a task that has ended should say. */
const wrongEnd = (job: Job, task: Task, { doomed }: Work): string[] => {
  const status = doomed.get(job.taskGuid) ?? job.status;
  const [reason, result] = [exitedWith(status), `${job.taskGuid}\n`];
  const right = task.failed === status > 0 && task.failureReason === reason && task.result === result;
  return right
    ? []
    : [`${job.taskGuid} ended with '${task.failureReason}' and '${task.result}', should be ${status}`];
};

/** A task that the BBS had called Running, and that had not begun, has failed: it is never begun again. */
const LOST = 'task container does not exist';
/** Nor is one that found no cell in all its auctions: the only one was away. */
const UNPLACED = 'unable to communicate to compatible cells';
/** of tasks that have failed without having begun */
export const NEVER_BEGUN: readonly string[] = [LOST, UNPLACED];

const wrongTask = (job: Job, work: Work, { alive, starts, tasks }: Snapshot): string[] => {
  const { taskGuid } = job;
  const task = tasks.get(taskGuid);
  if (task === undefined) return [`${taskGuid} is unknown`];
  const [started, lives] = [starts.has(`${taskGuid} main`), alive.has(`${taskGuid} main`)];
  if (task.state === 'Running')
    return lives && !job.cancelled ? [] : [`${taskGuid} is Running, alive: ${lives}`];
  if (task.state !== 'Completed') return [`${taskGuid} is ${task.state}`];
  if (lives) return [`${taskGuid} is Completed, and lives`];
  if (job.cancelled && task.failureReason === 'task was cancelled') return [];
  if (!started)
    return NEVER_BEGUN.includes(task.failureReason) ? [] : [`${taskGuid} never began: ${task.failureReason}`];
  return wrongEnd(job, task, work);
};

/** Nothing is there that the BBS does not know of. */
const orphans = ({ alive, kept, rows, tasks }: Snapshot): string[] => {
  const known = new Set(
    rows.filter(({ state }) => state === 'RUNNING').map(({ instanceGuid }) => instanceGuid),
  );
  for (const { taskGuid, state } of tasks.values()) if (state === 'Running') known.add(taskGuid);
  return [
    ...[...alive.keys()]
      .filter((key) => !known.has(key.split(' ')[0] ?? ''))
      .map((key) => `${key} lives, unknown`),
    ...[...kept]
      .filter(([guid]) => !known.has(guid))
      .map(([guid, where]) => `${guid} is kept (${where}), unknown`),
  ];
};

/** Whoever lived when the rep was killed, and was not told to end, lives, as the same process of the same instance. */
const restarted = (survivors: Survivors, { apps, doomed, jobs }: Work, seen: Snapshot): string[] => {
  const stays = (guid: string): boolean => {
    const job = jobs.get(guid);
    if (job !== undefined) return false; // judged by its end: it may have come to it
    const entries = [...seen.histories].find(([, list]) =>
      list.some(({ instanceGuid }) => instanceGuid === guid),
    );
    const app = apps.get(entries?.[0] ?? '');
    return app !== undefined && app.kind !== 'crasher' && !app.removed && !app.shrunk;
  };
  return [...survivors].flatMap(([key, { pid, startTime }]) => {
    const [guid = '', step = ''] = key.split(' ');
    if (step === 'setup' || doomed.has(guid) || !stays(guid)) return [];
    const now = seen.alive.get(key);
    return now?.pid === pid && now.startTime === startTime
      ? []
      : [`${key} lived on as ${pid}, and does no more`];
  });
};

export interface Verdict {
  problems: string[];
  /** tasks that have ended, as they should have */
  ended: Task[];
  /** instances whose crashes were told */
  crashes: string[];
}

/** What is not as it should be; nothing, sooner or later. */
export const judge = async (work: Work, survivors: Survivors): Promise<Verdict> => {
  const seen = await look(work);
  const twice = [...seen.starts].filter(([, times]) => times > 1);
  const problems = [
    ...twice.map(([key, times]) => `${key} was started ${times} times`),
    ...[...work.apps.values()].flatMap((app) => [...wrongRows(app, seen), ...wrongCrashes(app, work, seen)]),
    ...[...work.jobs.values()].flatMap((job) => wrongTask(job, work, seen)),
    ...orphans(seen),
    ...restarted(survivors, work, seen),
  ];
  const ended = [...work.jobs.keys()].flatMap((guid) => {
    const task = seen.tasks.get(guid);
    return task?.state === 'Completed' ? [task] : [];
  });
  const told = [...seen.histories.values()].flat();
  const crashes = told.flatMap(({ what, instanceGuid }) => (what === 'crashed' ? [instanceGuid] : []));
  return { problems, ended, crashes };
};
