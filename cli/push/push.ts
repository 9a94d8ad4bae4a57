import { stringify } from 'yaml';
import { OutcryError } from '../../common/model/errors.js';
import type { Context } from '../context.js';
import { act, findApp, getApp, runJob, spaceGuid } from '../http/apps.js';
import type { App } from '../http/resources.js';
import { bytes, plural, seconds } from '../output.js';
import { awaitStart } from './await-start.js';
import { type Bundle, bundle } from './bundle.js';
import { hasStartCommand } from './detect.js';
import type { ManifestApp } from './manifest.js';
import { uploadBits } from './upload.js';

const POLL_MS = 100;

interface Pushed {
  app: ManifestApp;
  dir: string;
  start: boolean;
}

interface PackageState {
  guid: string;
  state: string;
  data?: { error?: string | null };
}

interface BuildState {
  guid: string;
  state: 'STAGING' | 'STAGED' | 'FAILED';
  error: string | null;
  droplet: { guid: string } | null;
}

const commandOf = (app: ManifestApp): unknown => {
  const processes = (app.processes ?? []) as { type?: unknown; command?: unknown }[];
  return app.command ?? processes.find(({ type }) => type === 'web')?.command;
};

const routeKey = (app: ManifestApp): Record<string, boolean> =>
  app['no-route'] === true || app['random-route'] === true || app.routes !== undefined
    ? {}
    : { 'default-route': true };

const applyManifest = async (context: Context, app: ManifestApp): Promise<void> => {
  const body = stringify({ applications: [{ ...app, ...routeKey(app) }] });
  await runJob(context, {
    method: 'POST',
    path: `/v3/spaces/${await spaceGuid(context.api())}/actions/apply_manifest`,
    raw: { body, contentType: 'application/x-yaml' },
  });
};

const bar = (share: number): string => {
  const filled = Math.round(share * 20);
  return `[${'#'.repeat(filled)}${' '.repeat(20 - filled)}] ${Math.round(share * 100)} %`;
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
  for (;;) {
    const state = await api.fetch<PackageState>({ method: 'GET', path: `/v3/packages/${guid}` });
    if (state.state === 'READY') break;
    if (state.state === 'FAILED' || state.state === 'EXPIRED') {
      throw new OutcryError('PUSH_UPLOAD_REFUSED', { reason: state.data?.error ?? state.state });
    }
    await context.sleep(POLL_MS);
  }
  context.note(`  uploaded   ${bytes(files.size)} in ${seconds(context.elapsed() - began)}`);
  return guid;
};

const stage = async (context: Context, app: App, packageGuid: string): Promise<void> => {
  const api = context.api();
  let build = await api.fetch<BuildState>({
    method: 'POST',
    path: '/v3/builds',
    json: { package: { guid: packageGuid } },
  });
  while (build.state === 'STAGING') {
    await context.sleep(POLL_MS);
    build = await api.fetch<BuildState>({ method: 'GET', path: `/v3/builds/${build.guid}` });
  }
  if (build.state === 'FAILED' || build.droplet === null) {
    const reason = build.error ?? 'no reason given';
    if (reason.includes('NoAppDetected')) throw new OutcryError('NO_START_COMMAND', { app: app.name });
    throw new OutcryError('STAGING_FAILED', { app: app.name, reason });
  }
  await api.fetch({
    method: 'PATCH',
    path: `/v3/apps/${app.guid}/relationships/current_droplet`,
    json: { data: { guid: build.droplet.guid } },
  });
  const droplet = await api.fetch<{ process_types?: { web?: string } }>({
    method: 'GET',
    path: `/v3/droplets/${build.droplet.guid}`,
  });
  context.note(`  staged     start command: ${droplet.process_types?.web ?? 'its own'}`);
};

/** Removes what this push has created; the failure that led here is what counts. */
const undo = async (context: Context, name: string): Promise<void> => {
  try {
    const app = await findApp(context.api(), name);
    if (app !== undefined) await runJob(context, { method: 'DELETE', path: `/v3/apps/${app.guid}` });
  } catch {
    context.note(`  note       ${name} could not be removed again: 'outcry delete ${name}' does it`);
  }
};

const deliver = async (context: Context, pushed: ManifestApp, files: Bundle): Promise<App> => {
  await applyManifest(context, pushed);
  const app = await getApp(context.api(), pushed.name);
  await stage(context, app, await upload(context, app, files));
  return app;
};

/** Pushes one application. What fails before it could start leaves nothing new behind. */
export const pushApp = async (context: Context, { app, dir, start }: Pushed): Promise<App> => {
  const files = await bundle(dir);
  try {
    if (commandOf(app) === undefined && !hasStartCommand(dir)) {
      throw new OutcryError('NO_START_COMMAND', { app: app.name });
    }
    context.note(`Pushing ${app.name} from ${dir}`);
    context.note(`  packed     ${plural(files.count, 'file')}, ${bytes(files.size)}`);
    const existed = (await findApp(context.api(), app.name)) !== undefined;
    let delivered: App;
    try {
      delivered = await deliver(context, app, files);
    } catch (error) {
      if (!existed) await undo(context, app.name);
      throw error;
    }
    if (start) {
      await act(context.api(), delivered, 'restart');
      await awaitStart(context, delivered);
    }
    return delivered;
  } finally {
    await files.remove();
  }
};
