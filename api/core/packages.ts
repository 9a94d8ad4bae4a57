import { ERRORS } from '../../common/model/errors.js';
import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import type { Detection } from '../../common/model/detect.js';
import type { ApiFailure } from './failure.js';
import { notFound, refuse, unprocessable } from './failure.js';
import { processOfType } from './processes.js';
import type {
  BuildRow,
  Context,
  DropletImage,
  DropletRow,
  PackageRow,
  ReadTables,
  WriteTables,
} from './rows.js';

export const findPackage = (tables: ReadTables, guid: string): Result<PackageRow, ApiFailure[]> => {
  const found = tables.packages.get(guid);
  return found ? ok(found) : notFound('Package');
};

export const createPackage = (
  tables: WriteTables,
  context: Context,
  input: { appGuid: string; image?: string },
): Result<PackageRow, ApiFailure[]> => {
  const { appGuid, image = '' } = input;
  const app = tables.apps.get(appGuid);
  if (!app) return unprocessable('App is invalid. Ensure it exists and you have access to it.');
  const type = image === '' ? 'bits' : 'docker';
  if (type === 'bits' && app.lifecycle === 'docker') {
    return unprocessable('Cannot create bits package for a Docker app.');
  }
  if (type === 'docker' && app.lifecycle !== 'docker') {
    return unprocessable('Cannot create Docker package for a buildpack app.');
  }
  const row: PackageRow = {
    guid: context.newGuid(),
    appGuid,
    type,
    image,
    state: type === 'bits' ? 'AWAITING_UPLOAD' : 'READY',
    error: '',
    blob: '',
    sizeBytes: 0,
    createdAt: context.now,
    updatedAt: context.now,
  };
  tables.packages.put(row.guid, row);
  return ok(row);
};

export const awaitingUpload = (tables: ReadTables, guid: string): Result<PackageRow, ApiFailure[]> => {
  const found = findPackage(tables, guid);
  if (found.ok && found.value.type !== 'bits') return unprocessable('Package type must be bits.');
  if (!found.ok || found.value.state === 'AWAITING_UPLOAD') return found;
  return refuse(
    'PackageBitsAlreadyUploaded',
    'Bits may be uploaded only once. Create a new package to upload different bits.',
  );
};

/** The upload is over: bits that passed every check, or the reason why they did not. */
export const finishUpload = (
  tables: WriteTables,
  context: Context,
  input: { guid: string } & ({ blob: string; sizeBytes: number } | { error: string }),
): Result<PackageRow, ApiFailure[]> => {
  const found = awaitingUpload(tables, input.guid);
  if (!found.ok) return found;
  const outcome =
    'error' in input
      ? { state: 'FAILED' as const, error: input.error }
      : { state: 'READY' as const, blob: input.blob, sizeBytes: input.sizeBytes };
  const row = { ...found.value, ...outcome, updatedAt: context.now };
  tables.packages.put(row.guid, row);
  return ok(row);
};

export const createBuild = (
  tables: WriteTables,
  context: Context,
  input: { packageGuid: string },
): Result<BuildRow, ApiFailure[]> => {
  const source = tables.packages.get(input.packageGuid);
  if (!source)
    return unprocessable('Unable to use package. Ensure that the package exists and you have access to it.');
  if (source.state !== 'READY')
    return refuse('MessageParseError', 'Bad request: Cannot stage package whose state is not ready.');
  const row: BuildRow = {
    guid: context.newGuid(),
    appGuid: source.appGuid,
    packageGuid: source.guid,
    lifecycle: source.type === 'docker' ? 'docker' : 'buildpack',
    state: 'STAGING',
    error: '',
    dropletGuid: '',
    createdAt: context.now,
    updatedAt: context.now,
  };
  tables.builds.put(row.guid, row);
  return ok(row);
};

/** What staging found out of a package. */
export interface Staged extends Detection {
  /** null = the package's own files */
  image: DropletImage | null;
}

/** Why nothing can be started: no command of the app's own, none detected. */
const noStartCommand = (appName: string, image: DropletImage | null): string =>
  image === null
    ? `NoAppDetectedError - ${ERRORS.NO_START_COMMAND.message.replace('{app}', appName)}: ${ERRORS.NO_START_COMMAND.remedy}`
    : `StagingError - the image ${image.name} names no command, and ${appName} has none of its own`;

const failBuild = (
  tables: WriteTables,
  context: Context,
  input: { build: BuildRow; error: string },
): BuildRow => {
  const row: BuildRow = { ...input.build, state: 'FAILED', error: input.error, updatedAt: context.now };
  tables.builds.put(row.guid, row);
  return row;
};

/** Ends a build with what was detected in its package. Undefined: the app has gone meanwhile. */
export const finishBuild = (
  tables: WriteTables,
  context: Context,
  input: { guid: string; outcome: Result<Staged, string> },
): BuildRow | undefined => {
  const build = tables.builds.get(input.guid);
  const source = tables.packages.get(build?.packageGuid ?? '');
  const app = tables.apps.get(build?.appGuid ?? '');
  if (!build || !source || !app || build.state !== 'STAGING') return undefined;
  if (!input.outcome.ok) return failBuild(tables, context, { build, error: input.outcome.error });
  const { processTypes, detectedFrom, image } = input.outcome.value;
  const command = processOfType(tables, app.guid, 'web')?.command ?? processTypes['web'];
  if (!command) return failBuild(tables, context, { build, error: noStartCommand(app.name, image) });
  const droplet: DropletRow = {
    guid: context.newGuid(),
    appGuid: app.guid,
    packageGuid: source.guid,
    image,
    blob: source.blob,
    sizeBytes: source.sizeBytes,
    stack: app.stack,
    processTypes,
    detectedFrom,
    createdAt: context.now,
  };
  tables.droplets.put(droplet.guid, droplet);
  const row: BuildRow = { ...build, state: 'STAGED', dropletGuid: droplet.guid, updatedAt: context.now };
  tables.builds.put(row.guid, row);
  return row;
};

const dropletsInUse = (tables: ReadTables, appGuid: string): Set<string> => {
  const app = tables.apps.get(appGuid);
  const tasks = [...tables.tasks.byIndex('app', appGuid)].filter(
    (task) => task.state !== 'SUCCEEDED' && task.state !== 'FAILED',
  );
  return new Set([
    app?.currentDropletGuid ?? '',
    app?.startedDropletGuid ?? '',
    ...tasks.map((task) => task.dropletGuid),
  ]);
};

const newestFirst = <T extends { createdAt: string; guid: string }>(rows: Iterable<T>): T[] =>
  [...rows].sort((a, b) =>
    a.createdAt > b.createdAt ? -1 : a.createdAt < b.createdAt ? 1 : a.guid < b.guid ? -1 : 1,
  );

/**
 * Drops what an app no longer needs: droplets neither in use nor among the newest, packages that no droplet
 * came from and are not among the newest, and their builds. Their files follow once nothing names them.
 */
export const expireOld = (tables: WriteTables, context: Context, appGuid: string): void => {
  const keep = context.settings.retainedDroplets;
  const inUse = dropletsInUse(tables, appGuid);
  const droplets = newestFirst(tables.droplets.byIndex('app', appGuid));
  const oldDroplets = droplets.filter((droplet, at) => at >= keep && !inUse.has(droplet.guid));
  for (const droplet of oldDroplets) tables.droplets.delete(droplet.guid);
  const sources = new Set(droplets.filter((row) => !oldDroplets.includes(row)).map((row) => row.packageGuid));
  const packages = newestFirst(tables.packages.byIndex('app', appGuid));
  const oldPackages = new Set(
    packages
      .filter((row, at) => at >= keep && !sources.has(row.guid) && row.state !== 'AWAITING_UPLOAD')
      .map((row) => row.guid),
  );
  for (const guid of oldPackages) tables.packages.delete(guid);
  const builds = [...tables.builds.byIndex('app', appGuid)].filter((build) =>
    oldPackages.has(build.packageGuid),
  );
  for (const build of builds) tables.builds.delete(build.guid);
};

/** Names of the files that rows still need. */
export const blobsInUse = (tables: ReadTables): Set<string> => {
  const blobs = new Set<string>();
  for (const [, row] of tables.packages.entries()) if (row.blob !== '') blobs.add(row.blob);
  for (const [, row] of tables.droplets.entries()) if (row.blob !== '') blobs.add(row.blob);
  return blobs;
};
