import { stringify } from 'yaml';
import { OutcryError } from '../../common/model/errors.js';
import { isAppName } from '../../common/model/names.js';
import { type Context, pause, undisturbed } from '../context.js';
import { act, findApp, getApp, removeApp, runJob, spaceGuid, webProcess } from '../http/apps.js';
import type { App } from '../http/resources.js';
import { bytes, oneLine, plural, seconds } from '../output.js';
import { awaitStart } from './await-start.js';
import { type Bundle, bundle } from './bundle.js';
import { hasStartCommand } from './detect.js';
import { type SourceEntry, listFiles } from './files.js';
import { checkImageKeys, checkLifecycle, imageOf, namePackage } from './image.js';
import type { ManifestApp } from './manifest.js';
import { type PackageState, isReady, uploadBits } from './upload.js';

const POLL_MS = 100;

export interface Pushed {
  app: ManifestApp;
  /** of no meaning to an application that is an image */
  dir: string;
  start: boolean;
}

interface BuildState {
  guid: string;
  state: 'STAGING' | 'STAGED' | 'FAILED';
  error: string | null;
  droplet: { guid: string } | null;
}

/** The start command that the application brings itself: of its `web` entry, else its own. */
const commandOf = (app: ManifestApp): string | undefined => {
  const processes = (app.processes ?? []) as { type?: unknown; command?: unknown }[];
  const command = processes.find(({ type }) => type === 'web')?.command ?? app.command;
  return typeof command === 'string' && command !== '' ? command : undefined;
};

/** What an earlier push has set stays, unless this one takes it back. */
const hasKeptCommand = async (context: Context, app: ManifestApp): Promise<boolean> => {
  if (app.command === null) return false;
  const known = await findApp(context.api(), app.name);
  return known !== undefined && (await webProcess(context.api(), known)).command !== null;
};

/** All that can be said of a push before anything is sent or changed. Returns what it would send of a directory. */
export const checkPush = async (context: Context, { app, dir }: Pushed): Promise<SourceEntry[]> => {
  const image = imageOf(app);
  if (image !== undefined) checkImageKeys(app);
  const entries = image === undefined ? await listFiles(dir) : [];
  if (!isAppName(app.name)) throw new OutcryError('APP_NAME_INVALID', { name: app.name });
  const started =
    image !== undefined ||
    commandOf(app) !== undefined ||
    (await hasStartCommand(dir)) ||
    (await hasKeptCommand(context, app));
  if (!started) throw new OutcryError('NO_START_COMMAND', { app: app.name });
  const known = await findApp(context.api(), app.name);
  checkLifecycle(known, image === undefined ? 'buildpack' : 'docker');
  return entries;
};

const routeKey = (app: ManifestApp): Record<string, boolean> =>
  app['no-route'] === true || app['random-route'] === true || app.routes !== undefined
    ? {}
    : { 'default-route': true };

const applyManifest = async (context: Context, app: ManifestApp): Promise<void> => {
  const applications = [{ ...routeKey(app), ...app }];
  await runJob(context, {
    method: 'POST',
    path: `/v3/spaces/${await spaceGuid(context.api())}/actions/apply_manifest`,
    raw: {
      body: stringify({ applications }, { aliasDuplicateObjects: false }),
      contentType: 'application/x-yaml',
    },
  });
};

const bar = (share: number): string => {
  const filled = Math.round(share * 20);
  return `[${'#'.repeat(filled)}${' '.repeat(20 - filled)}] ${Math.round(share * 100)} %`;
};

const pack = async (context: Context, dir: string, entries: readonly SourceEntry[]): Promise<Bundle> => {
  const files = await bundle(dir, {
    entries,
    signal: context.interrupted,
    onFile: (count) => context.progress(`  packing    ${plural(count, 'file')}`),
  });
  context.note(`  packed     ${plural(files.count, 'file')}, ${bytes(files.size)}`);
  return files;
};

const upload = async (context: Context, app: App, files: Bundle): Promise<string> => {
  const api = context.api();
  const began = context.elapsed();
  const { guid } = await api.fetch<PackageState>({
    method: 'POST',
    path: '/v3/packages',
    json: { type: 'bits', relationships: { app: { data: { guid: app.guid } } } },
  });
  await uploadBits(api, guid, {
    bundle: files,
    onSent: (sent) => context.progress(`  uploading  ${bar(Math.min(1, sent / files.size))}`),
  });
  while (!(await isReady(api, guid))) await pause(context, POLL_MS);
  context.note(`  uploaded   ${bytes(files.size)} in ${seconds(context.elapsed() - began)}`);
  return guid;
};

const build = async (context: Context, app: App, packageGuid: string): Promise<string> => {
  const api = context.api();
  const json = { package: { guid: packageGuid } };
  let state = await api.fetch<BuildState>({ method: 'POST', path: '/v3/builds', json });
  while (state.state === 'STAGING') {
    context.progress('  staging');
    await pause(context, POLL_MS);
    state = await api.fetch<BuildState>({ method: 'GET', path: `/v3/builds/${state.guid}` });
  }
  if (state.state === 'STAGED' && state.droplet !== null) return state.droplet.guid;
  const reason = state.error ?? 'no reason given';
  if (reason.includes('NoAppDetected')) throw new OutcryError('NO_START_COMMAND', { app: app.name });
  throw new OutcryError('STAGING_FAILED', { app: app.name, reason });
};

const stage = async (context: Context, app: App, packageGuid: string): Promise<void> => {
  const api = context.api();
  const droplet = await build(context, app, packageGuid);
  await api.fetch({
    method: 'PATCH',
    path: `/v3/apps/${app.guid}/relationships/current_droplet`,
    json: { data: { guid: droplet } },
  });
  const { command } = await webProcess(api, app);
  context.note(`  staged     ${command === null ? 'without a start command' : `runs ${oneLine(command)}`}`);
};

/** Removes what this push has created; the failure that led here is what counts. */
const undo = async (context: Context, name: string): Promise<void> => {
  const calm = undisturbed(context);
  try {
    const app = await findApp(calm.api(), name);
    if (app === undefined) return;
    await removeApp(calm, app);
    context.note(`  undone     ${name} is removed again: it was new`);
  } catch {
    context.note(`  note       ${name} could not be removed again; 'outcry delete ${name}' does it`);
  }
};

/** Brings what is to run: the guid of its package. */
type Source = (app: App) => Promise<string>;

const deliver = async (context: Context, pushed: ManifestApp, source: Source): Promise<App> => {
  await applyManifest(context, pushed);
  const app = await getApp(context.api(), pushed.name);
  await stage(context, app, await source(app));
  return app;
};

/** Makes the application, or changes it; a failure leaves nothing new behind. */
const deliverOrUndo = async (context: Context, pushed: ManifestApp, source: Source): Promise<App> => {
  const known = await findApp(context.api(), pushed.name);
  try {
    const app = await deliver(context, pushed, source);
    context.interrupted.throwIfAborted();
    return app;
  } catch (error) {
    if (known === undefined) await undo(context, pushed.name);
    throw error;
  }
};

const deliverFiles = async (
  context: Context,
  { app, dir }: Pushed,
  entries: readonly SourceEntry[],
): Promise<App> => {
  context.note(`Pushing ${app.name} from ${dir}`);
  const files = await pack(context, dir, entries);
  try {
    context.interrupted.throwIfAborted();
    return await deliverOrUndo(context, app, (target) => upload(context, target, files));
  } finally {
    await files.remove();
  }
};

const deliverImage = (context: Context, app: ManifestApp, image: string): Promise<App> => {
  context.note(`Pushing ${app.name} from the image ${image}`);
  return deliverOrUndo(context, app, (target) => namePackage(context, target, image));
};

/** Pushes one application. What fails before it could start leaves nothing new behind. */
export const pushApp = async (context: Context, pushed: Pushed): Promise<App> => {
  const { app, start } = pushed;
  const entries = await checkPush(context, pushed);
  const image = imageOf(app);
  const delivered = await (image === undefined
    ? deliverFiles(context, pushed, entries)
    : deliverImage(context, app, image));
  if (start) {
    await act(context.api(), delivered, 'restart');
    await awaitStart(context, delivered);
  } else if (delivered.state === 'STARTED') await act(context.api(), delivered, 'stop');
  return delivered;
};
