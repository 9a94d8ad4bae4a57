import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import type { ApiFailure } from './failure.js';
import { notFound, refuseCoded, unprocessable } from './failure.js';
import { envNameProblem, isAppName } from '../../common/model/names.js';
import { ensureProcesses, lrpGuid, newProcess, processesOf, startCommand } from './processes.js';
import { unmapApp } from './routes.js';
import type { AppRow, Context, LifecycleType, ProcessRow, ReadTables, WriteTables } from './rows.js';
import { indexKey } from './rows.js';

export const appNamed = (tables: ReadTables, spaceGuid: string, name: string): AppRow | undefined => {
  for (const app of tables.apps.byIndex('name', indexKey.appName(spaceGuid, name))) return app;
  return undefined;
};

export const findApp = (tables: ReadTables, guid: string): Result<AppRow, ApiFailure[]> => {
  const app = tables.apps.get(guid);
  return app ? ok(app) : notFound('App');
};

const checkEnv = (env: Record<string, string>): Result<void, ApiFailure[]> => {
  for (const name of Object.keys(env)) {
    const problem = envNameProblem(name);
    if (problem !== '') return refuseCoded('ENV_NAME_INVALID', { name, reason: problem });
  }
  return ok(undefined);
};

export interface NewApp {
  spaceGuid: string;
  name: string;
  lifecycle?: LifecycleType;
  stack?: string;
  buildpacks?: string[];
  env?: Record<string, string>;
}

/** Makes an app with its web process. */
export const createApp = (
  tables: WriteTables,
  context: Context,
  input: NewApp,
): Result<AppRow, ApiFailure[]> => {
  if (!isAppName(input.name)) return refuseCoded('APP_NAME_INVALID', { name: input.name });
  if (!tables.spaces.get(input.spaceGuid)) {
    return unprocessable('Invalid space. Ensure that the space exists and you have access to it.');
  }
  if (appNamed(tables, input.spaceGuid, input.name)) {
    return unprocessable(`App with the name '${input.name}' already exists.`);
  }
  const env = checkEnv(input.env ?? {});
  if (!env.ok) return env;
  if (input.lifecycle === 'docker' && (input.stack !== undefined || input.buildpacks !== undefined)) {
    return unprocessable('Lifecycle data must be empty for a Docker app.');
  }
  const app: AppRow = {
    guid: context.newGuid(),
    name: input.name,
    spaceGuid: input.spaceGuid,
    state: 'STOPPED',
    lifecycle: input.lifecycle ?? 'buildpack',
    stack: input.stack ?? context.settings.stacks[0] ?? '',
    buildpacks: input.buildpacks ?? [],
    env: input.env ?? {},
    labels: {},
    annotations: {},
    currentDropletGuid: '',
    startedDropletGuid: '',
    lastTaskSequence: 0,
    createdAt: context.now,
    updatedAt: context.now,
  };
  tables.apps.put(app.guid, app);
  const web = newProcess(app, 'web', context);
  tables.processes.put(web.guid, web);
  return ok(app);
};

/** Undefined = as it is. Texts are Cloud Controller's. */
export const keepLifecycle = (app: AppRow, type: LifecycleType | undefined): Result<AppRow, ApiFailure[]> =>
  type === undefined || type === app.lifecycle ? ok(app) : unprocessable('Lifecycle type cannot be changed');

export const renameApp = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; name: string },
): Result<AppRow, ApiFailure[]> => {
  const { app, name } = input;
  if (!isAppName(name)) return refuseCoded('APP_NAME_INVALID', { name });
  const holder = appNamed(tables, app.spaceGuid, name);
  if (holder && holder.guid !== app.guid) return unprocessable(`App with the name '${name}' already exists.`);
  const renamed = { ...app, name, updatedAt: context.now };
  tables.apps.put(app.guid, renamed);
  return ok(renamed);
};

/** Sets and, with null, unsets environment variables; they act with the next start. */
export const changeEnv = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; changes: Record<string, string | null> },
): Result<AppRow, ApiFailure[]> => {
  const kept = Object.entries({ ...input.app.env, ...input.changes }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  const env = Object.fromEntries(kept);
  const checked = checkEnv(env);
  if (!checked.ok) return checked;
  const app = { ...input.app, env, updatedAt: context.now };
  tables.apps.put(app.guid, app);
  return ok(app);
};

/** Sets the droplet that the next start uses and makes the processes it names. */
export const setCurrentDroplet = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; dropletGuid: string },
): Result<AppRow, ApiFailure[]> => {
  const droplet = tables.droplets.get(input.dropletGuid);
  if (!droplet || droplet.appGuid !== input.app.guid) {
    return unprocessable(
      'Unable to assign current droplet. Ensure the droplet exists and belongs to this app.',
    );
  }
  const app = { ...input.app, currentDropletGuid: droplet.guid, updatedAt: context.now };
  tables.apps.put(app.guid, app);
  ensureProcesses(tables, context, { app, types: Object.keys(droplet.processTypes) });
  return ok(app);
};

/** Processes with instances need a command; Cloud Controller would leave them to crash. */
const checkCommands = (tables: ReadTables, app: AppRow): Result<void, ApiFailure[]> => {
  const droplet = tables.droplets.get(app.currentDropletGuid);
  if (!droplet) return unprocessable('Assign a droplet before starting this app.');
  for (const process of processesOf(tables, app.guid)) {
    if (process.instances === 0) continue;
    const command = startCommand(process, droplet.processTypes);
    if (!command.ok) return command;
  }
  return ok(undefined);
};

/** Every start has its own version, hence LRPs of its own. */
const renewVersions = (tables: WriteTables, context: Context, appGuid: string): void => {
  for (const process of processesOf(tables, appGuid)) {
    tables.processes.put(process.guid, { ...process, version: context.newGuid(), updatedAt: context.now });
  }
};

/** Starts an app; with `renew` one that runs already starts anew. Nothing changes for one that runs otherwise. */
export const startApp = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; renew: boolean },
): Result<AppRow, ApiFailure[]> => {
  const { app, renew } = input;
  if (app.state === 'STARTED' && !renew) return ok(app);
  const checked = checkCommands(tables, app);
  if (!checked.ok) return checked;
  renewVersions(tables, context, app.guid);
  const started: AppRow = {
    ...app,
    state: 'STARTED',
    startedDropletGuid: app.currentDropletGuid,
    updatedAt: context.now,
  };
  tables.apps.put(app.guid, started);
  return ok(started);
};

export const stopApp = (tables: WriteTables, context: Context, app: AppRow): AppRow => {
  if (app.state === 'STOPPED') return app;
  const stopped: AppRow = { ...app, state: 'STOPPED', updatedAt: context.now };
  tables.apps.put(app.guid, stopped);
  return stopped;
};

const OWNED = ['processes', 'packages', 'builds', 'droplets', 'tasks'] as const;

/** Removes an app and all that is its own; routes stay, without it. */
export const deleteApp = (tables: WriteTables, context: Context, app: AppRow): void => {
  unmapApp(tables, context, app.guid);
  for (const name of OWNED) {
    const owned = [...tables[name].byIndex('app', app.guid)].map((row: { guid: string }) => row.guid);
    for (const guid of owned) tables[name].delete(guid);
  }
  tables.apps.delete(app.guid);
};

/** LRPs that an app is to have now. */
export const lrpGuidsOf = (tables: ReadTables, appGuid: string): string[] =>
  tables.apps.get(appGuid)?.state === 'STARTED'
    ? processesOf(tables, appGuid)
        .filter((process) => runs(tables, process))
        .map(lrpGuid)
    : [];

/** Whether a process of a started app has something to run: types without a command (and so without instances) do not. */
export const runs = (tables: ReadTables, process: ProcessRow): boolean => {
  const app = tables.apps.get(process.appGuid);
  const droplet = tables.droplets.get(app?.startedDropletGuid ?? '');
  return app?.state === 'STARTED' && droplet !== undefined && startCommand(process, droplet.processTypes).ok;
};
