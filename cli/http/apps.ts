import { OutcryError } from '../../common/model/errors.js';
import type { Context } from '../context.js';
import type { ApiClient, ApiResponse } from './api-client.js';
import type { App, InstanceStats, Job, List, Process, Route } from './resources.js';

const POLL_MS = 200;

/** The one space that everything is in. */
export const spaceGuid = async (api: ApiClient): Promise<string> => {
  const spaces = await api.fetch<List<{ guid: string }>>({ method: 'GET', path: '/v3/spaces?names=default' });
  return spaces.resources[0]?.guid ?? '';
};

export const findApp = async (api: ApiClient, name: string): Promise<App | undefined> => {
  const path = `/v3/apps?names=${encodeURIComponent(name)}&space_guids=${await spaceGuid(api)}`;
  const apps = await api.fetch<List<App>>({ method: 'GET', path });
  return apps.resources.find((app) => app.name === name);
};

/** APP_NOT_FOUND when there is none. */
export const getApp = async (api: ApiClient, name: string): Promise<App> => {
  const app = await findApp(api, name);
  if (app === undefined) throw new OutcryError('APP_NOT_FOUND', { app: name });
  return app;
};

export const webProcess = (api: ApiClient, app: App): Promise<Process> =>
  api.fetch<Process>({ method: 'GET', path: `/v3/apps/${app.guid}/processes/web` });

export const statsOf = async (api: ApiClient, processGuid: string): Promise<InstanceStats[]> => {
  const path = `/v3/processes/${processGuid}/stats`;
  return (await api.fetch<List<InstanceStats>>({ method: 'GET', path })).resources;
};

export const routesOf = async (api: ApiClient, app: App): Promise<Route[]> =>
  (await api.fetch<List<Route>>({ method: 'GET', path: `/v3/apps/${app.guid}/routes` })).resources;

export const act = (api: ApiClient, app: App, action: 'start' | 'stop' | 'restart'): Promise<App> =>
  api.fetch<App>({ method: 'POST', path: `/v3/apps/${app.guid}/actions/${action}` });

/** Waits for the job an answer names; nothing to wait for when it names none. */
export const finishJob = async (context: Context, response: ApiResponse): Promise<void> => {
  if (response.location === undefined) return;
  const path = new URL(response.location, context.api().url).pathname;
  for (;;) {
    const job = await context.api().fetch<Job>({ method: 'GET', path });
    if (job.state === 'COMPLETE') return;
    if (job.state === 'FAILED') {
      const [error] = job.errors;
      throw new OutcryError('API_REFUSED', {
        status: 422,
        title: error?.title ?? 'job failed',
        reason: error?.detail ?? '',
      });
    }
    await context.sleep(POLL_MS);
  }
};

/** Sends a request whose outcome is a job, and waits for it. */
export const runJob = async (context: Context, request: Parameters<ApiClient['call']>[0]): Promise<void> => {
  const response = await context.api().call(request);
  if (response.status >= 300) {
    const body = response.body as { errors?: { title?: string; detail?: string }[] } | undefined;
    throw new OutcryError('API_REFUSED', {
      status: response.status,
      title: body?.errors?.[0]?.title ?? 'no error given',
      reason: body?.errors?.[0]?.detail ?? '',
    });
  }
  await finishJob(context, response);
};
