import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import { appNamed, deleteApp, findApp, startApp, stopApp } from '../core/apps.js';
import type { ApiFailure } from '../core/failure.js';
import { createJob } from '../core/jobs.js';
import { applyManifest } from '../core/manifest-apply.js';
import type { ManifestApp } from '../../common/model/manifest.js';
import { blobsInUse, expireOld } from '../core/packages.js';
import type { Scale } from '../core/processes.js';
import { findProcess, scaleProcess } from '../core/processes.js';
import type { AppRow, JobRow, ProcessRow, TaskRow } from '../core/rows.js';
import type { NewTask } from '../core/tasks.js';
import { createTask, hasEnded } from '../core/tasks.js';
import type { BlobStore } from '../store/blobs.js';
import type { State } from '../store/state.js';
import type { AppTasks } from './app-tasks.js';
import type { Background } from './background.js';
import type { Jobs } from './jobs.js';
import type { Logs } from './logs.js';
import type { Lrps } from './lrps.js';

type Outcome<T> = Promise<Result<T, ApiFailure[]>>;

/** What people do that reaches beyond the API's own rows: the rows first, then the BBS. */
export interface Operations {
  /** with `renew` an app that runs already starts anew */
  start(appGuid: string, options: { renew: boolean }): Outcome<AppRow>;
  stop(appGuid: string): Outcome<AppRow>;
  remove(appGuid: string): Outcome<JobRow>;
  apply(spaceGuid: string, apps: readonly ManifestApp[]): Outcome<JobRow>;
  scale(where: Parameters<typeof findProcess>[1], scale: Scale): Outcome<ProcessRow>;
  runTask(appGuid: string, wish: Omit<NewTask, 'app'>): Outcome<TaskRow>;
  /** after routes of these apps changed */
  reroute(appGuids: Iterable<string>): Outcome<void>;
  /** ends a job about routes once the BBS has the routes of these apps */
  finishByRerouting(job: JobRow, appGuids: readonly string[]): void;
  /** drops files that nothing names any more, later */
  sweep(): void;
}

export interface OperationsOptions {
  state: State;
  lrps: Lrps;
  tasks: AppTasks;
  jobs: Jobs;
  logs: Logs;
  blobs: BlobStore;
  background: Background;
}

/** Starting and stopping. */
const createStarter = ({ state, lrps, logs }: OperationsOptions, sweep: () => void) => {
  const stop = async (appGuid: string): Outcome<AppRow> => {
    const stopped = await state.decide((tables, context) => {
      const app = findApp(tables, appGuid);
      return app.ok ? ok(stopApp(tables, context, app.value)) : app;
    });
    if (!stopped.ok) return stopped;
    logs.tell({ sourceId: appGuid, sourceType: 'API', text: `Stopping app with guid ${appGuid}` });
    const synced = await lrps.syncApp(appGuid);
    return synced.ok ? stopped : synced;
  };

  const start: Operations['start'] = async (appGuid, { renew }) => {
    const started = await state.decide((tables, context) => {
      const app = findApp(tables, appGuid);
      const done = app.ok ? startApp(tables, context, { app: app.value, renew }) : app;
      if (done.ok) expireOld(tables, context, appGuid);
      return done;
    });
    if (!started.ok) return started;
    logs.tell({ sourceId: appGuid, sourceType: 'API', text: `Starting app with guid ${appGuid}` });
    sweep();
    const synced = await lrps.syncApp(appGuid);
    if (synced.ok) return started;
    // refused for good: an app that says STARTED and never can be would be half made
    if (synced.error.some((failure) => failure.code === 'BBS_REFUSED')) await stop(appGuid);
    return synced;
  };

  return { start, stop };
};

/** Changes whose work goes on in a job. */
const createJobbed = (options: OperationsOptions, sweep: () => void) => {
  const { state, lrps, tasks, jobs, logs } = options;

  const reroute = async (appGuids: Iterable<string>): Outcome<void> => {
    for (const guid of new Set(appGuids)) {
      const synced = await lrps.syncApp(guid);
      if (!synced.ok) return synced;
    }
    return ok(undefined);
  };

  const remove: Operations['remove'] = async (appGuid) => {
    const unfinished = [...state.tables.tasks.byIndex('app', appGuid)].filter(
      (task) => !hasEnded(task.state),
    );
    const removed = await state.decide((tables, context) => {
      const app = findApp(tables, appGuid);
      if (!app.ok) return app;
      deleteApp(tables, context, app.value);
      return ok(createJob(tables, context, 'app.delete'));
    });
    if (!removed.ok) return removed;
    jobs.run(removed.value.guid, async () => {
      const synced = await lrps.syncApp(appGuid);
      if (unfinished.length > 0) await tasks.sync();
      logs.drop(appGuid);
      sweep();
      return synced;
    });
    return removed;
  };

  const apply: Operations['apply'] = async (spaceGuid, apps) => {
    const applied = await state.decide((tables, context) => {
      const before = new Set(apps.map((app) => appNamed(tables, spaceGuid, app.name)?.guid));
      const guids = applyManifest(tables, context, { spaceGuid, apps });
      if (!guids.ok) return guids;
      return ok({ before, guids: guids.value, job: createJob(tables, context, 'space.apply_manifest') });
    });
    if (!applied.ok) return applied;
    const { before, guids, job } = applied.value;
    for (const guid of guids) {
      const text = `${before.has(guid) ? 'Updated' : 'Created'} app with guid ${guid}`;
      logs.tell({ sourceId: guid, sourceType: 'API', text });
    }
    jobs.run(job.guid, () => reroute(guids));
    return ok(job);
  };

  const finishByRerouting: Operations['finishByRerouting'] = (job, appGuids) =>
    jobs.run(job.guid, () => reroute(appGuids));

  return { reroute, remove, apply, finishByRerouting };
};

export const createOperations = (options: OperationsOptions): Operations => {
  const { state, lrps, tasks, blobs, background } = options;

  const sweep = (): void =>
    background.run('sweep', async () => void (await blobs.sweep(() => blobsInUse(state.tables))));

  const scale: Operations['scale'] = async (where, wish) => {
    const scaled = await state.decide((tables, context) => {
      const process = findProcess(tables, where);
      return process.ok
        ? ok(scaleProcess(tables, context, { process: process.value, scale: wish }))
        : process;
    });
    if (!scaled.ok) return scaled;
    const synced = await lrps.syncApp(scaled.value.appGuid);
    return synced.ok ? scaled : synced;
  };

  const runTask: Operations['runTask'] = async (appGuid, wish) => {
    const created = await state.decide((tables, context) => {
      const app = findApp(tables, appGuid);
      return app.ok ? createTask(tables, context, { ...wish, app: app.value }) : app;
    });
    return created.ok ? tasks.desire(created.value) : created;
  };

  return { ...createStarter(options, sweep), ...createJobbed(options, sweep), scale, runTask, sweep };
};
