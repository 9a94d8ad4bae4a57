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
import type { ManifestApp } from './manifest.js';
import { type PackageState, isReady, uploadBits } from './upload.js';

const POLL_MS = 100;

export interface Pushed {
  app: ManifestApp;
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

/** All that can be said of a push before anything is sent or changed. Returns what it would send. */
export const checkPush = async (context: Context, { app, dir }: Pushed): Promise<SourceEntry[]> => {
  const entries = await listFiles(dir);
  if (!isAppName(app.name)) throw new OutcryError('APP_NAME_INVALID', { name: app.name });
  const started =
    commandOf(app) !== undefined || (await hasStartCommand(dir)) || (await hasKeptCommand(context, app));
  if (!started) throw new OutcryError('NO_START_COMMAND', { app: app.name });
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

const deliver = async (context: Context, pushed: ManifestApp, files: Bundle): Promise<App> => {
  await applyManifest(context, pushed);
  const app = await getApp(context.api(), pushed.name);
  await stage(context, app, await upload(context, app, files));
  return app;
};

/** Makes the application, or changes it; a failure leaves nothing new behind. */
const deliverOrUndo = async (context: Context, pushed: ManifestApp, files: Bundle): Promise<App> => {
  const known = await findApp(context.api(), pushed.name);
  try {
    const app = await deliver(context, pushed, files);
    context.interrupted.throwIfAborted();
    return app;
  } catch (error) {
    if (known === undefined) await undo(context, pushed.name);
    throw error;
  }
};

/** Pushes one application. What fails before it could start leaves nothing new behind. */
export const pushApp = async (context: Context, pushed: Pushed): Promise<App> => {
  const { app, dir, start } = pushed;
  const entries = await checkPush(context, pushed);
  context.note(`Pushing ${app.name} from ${dir}`);
  const files = await pack(context, dir, entries);
  let delivered: App;
  try {
    context.interrupted.throwIfAborted();
    delivered = await deliverOrUndo(context, app, files);
  } finally {
    await files.remove();
  }
  if (start) {
    await act(context.api(), delivered, 'restart');
    await awaitStart(context, delivered);
  } else if (delivered.state === 'STARTED') await act(context.api(), delivered, 'stop');
  return delivered;
};
