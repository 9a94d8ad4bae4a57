import { OutcryError } from '../../common/model/errors.js';
import { type Context, pause } from '../context.js';
import { type ApiClient, type ApiRequest, isGone } from './api-client.js';
import type { App, Cell, InstanceStats, Job, List, Process, Route } from './resources.js';

const POLL_MS = 200;

/** As many as the API gives in one page. */
const ALL = 'per_page=5000';

const list = async <T>(api: ApiClient, path: string): Promise<T[]> => {
  const separator = path.includes('?') ? '&' : '?';
  return (await api.fetch<List<T>>({ method: 'GET', path: `${path}${separator}${ALL}` })).resources;
};

/** The one space that everything is in. */
export const spaceGuid = async (api: ApiClient): Promise<string> => {
  const path = '/v3/spaces?names=default';
  const spaces = await api.fetch<List<{ guid: string }>>({ method: 'GET', path });
  const [space] = spaces.resources;
  if (space === undefined) {
    throw new OutcryError('API_REFUSED', { status: 404, title: 'no space', reason: "no space 'default'" });
  }
  return space.guid;
};

/** Commas separate values of a filter; one within a name is encoded twice. */
const filterValue = (name: string): string =>
  encodeURIComponent(name.replaceAll('%', '%25').replaceAll(',', '%2C'));

export const findApp = async (api: ApiClient, name: string): Promise<App | undefined> => {
  const path = `/v3/apps?names=${filterValue(name)}&space_guids=${await spaceGuid(api)}`;
  const apps = await api.fetch<List<App>>({ method: 'GET', path });
  return apps.resources.find((app) => app.name === name);
};

/** APP_NOT_FOUND when there is none. */
export const getApp = async (api: ApiClient, name: string): Promise<App> => {
  const app = await findApp(api, name);
  if (app === undefined) throw new OutcryError('APP_NOT_FOUND', { app: name });
  return app;
};

export const allApps = (api: ApiClient): Promise<App[]> => list(api, '/v3/apps?order_by=name');

export const webProcess = (api: ApiClient, app: App): Promise<Process> =>
  api.fetch<Process>({ method: 'GET', path: `/v3/apps/${app.guid}/processes/web` });

/** Those that have instances, and `web` in any case; `web` first. */
export const processesOf = async (api: ApiClient, app: App): Promise<Process[]> => {
  const all = await list<Process>(api, `/v3/apps/${app.guid}/processes`);
  return all.filter(({ type, instances }) => type === 'web' || instances > 0);
};

export const statsOf = async (api: ApiClient, processGuid: string): Promise<InstanceStats[]> => {
  const path = `/v3/processes/${processGuid}/stats`;
  return (await api.fetch<List<InstanceStats>>({ method: 'GET', path })).resources;
};

export const routesOf = (api: ApiClient, app: App): Promise<Route[]> =>
  list<Route>(api, `/v3/apps/${app.guid}/routes`);

export const cellsOf = async (api: ApiClient): Promise<Cell[]> =>
  (await api.fetch<List<Cell>>({ method: 'GET', path: '/outcry/v1/cells' })).resources;

export const act = (api: ApiClient, app: App, action: 'start' | 'stop' | 'restart'): Promise<App> =>
  api.fetch<App>({ method: 'POST', path: `/v3/apps/${app.guid}/actions/${action}` });

const failed = ({ errors = [] }: Job): OutcryError => {
  const [error] = errors;
  const reason = error?.detail ?? 'no reason given';
  return new OutcryError('API_REFUSED', { status: 422, title: error?.title ?? 'job failed', reason });
};

/** Sends a request whose outcome is a job, and waits for it; an answer that names none is done at once. */
export const runJob = async (context: Context, request: ApiRequest): Promise<void> => {
  const api = context.api();
  const { location } = await api.call(request);
  if (location === undefined) return;
  const path = new URL(location, api.url).pathname;
  for (;;) {
    const job = await api.fetch<Job>({ method: 'GET', path });
    if (job.state === 'COMPLETE') return;
    if (job.state === 'FAILED') throw failed(job);
    await pause(context, POLL_MS);
  }
};

/** Deletes an application, and the routes that lead to it alone. */
export const removeApp = async (context: Context, app: App): Promise<void> => {
  const routes = await routesOf(context.api(), app);
  const own = routes.filter(({ destinations = [] }) =>
    destinations.every((destination) => destination.app.guid === app.guid),
  );
  await runJob(context, { method: 'DELETE', path: `/v3/apps/${app.guid}` });
  for (const { guid } of own) {
    await runJob(context, { method: 'DELETE', path: `/v3/routes/${guid}` }).catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
  }
};
