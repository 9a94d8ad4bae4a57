import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InstanceStats } from '../../cli/http/resources.js';

/** What the fake answers; `hang` never answers, `cut` closes the connection in the middle of the request. */
export type Answer =
  { status?: number; json?: unknown; text?: string; headers?: Record<string, string> } | 'hang' | 'cut';

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Buffer;
}

export type Handler = (asked: Asked) => Answer | Promise<Answer>;

export interface FakeApp {
  guid: string;
  name: string;
  state: 'STARTED' | 'STOPPED';
  lifecycle?: { type: string };
}

export interface FakeCfOptions {
  apps?: { name: string; state?: FakeApp['state']; lifecycle?: FakeApp['lifecycle'] }[];
  token?: string;
  /** start command of every web process; default: none until a push sets one */
  command?: string | null;
  instances?: number;
  /** the n-th look at an application's stats (0 = the first); default: all running */
  stats?: (look: number) => Partial<InstanceStats>[];
  /** answers before anything else does: `POST /v3/packages/[^/]+/upload` */
  on?: Record<string, Handler>;
}

/**
 * Cloud Foundry's API as far as the command line uses it: small, stateful, without any rules of its own. It notes
 * what it is asked.
 */
export interface FakeCf {
  url: string;
  token: string;
  apps: FakeApp[];
  /** `POST /v3/apps/app-1/actions/restart`, in order, without queries */
  calls: string[];
  asked: Asked[];
  close(): Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const cfError = (status: number, detail: string, title = 'CF-UnprocessableEntity'): Answer => ({
  status,
  json: { errors: [{ code: 10008, title, detail }] },
});

export const refusal = (status: number, code: string, details: Record<string, string>): Answer => ({
  status,
  json: {
    errors: [{ code: 10008, title: 'CF-UnprocessableEntity', detail: code, outcry: { code, details } }],
  },
});

const list = (resources: unknown[]): Answer => ({ json: { resources } });

const createRoutes = (cf: { apps: FakeApp[]; url: () => string }, options: FakeCfOptions) => {
  const { instances = 1, command = 'node server.js' } = options;
  let made = cf.apps.length;
  let looks = 0;
  const jobs = new Map<string, number>();
  const process = (guid: string) => ({
    guid,
    type: 'web',
    instances,
    memory_in_mb: 64,
    disk_in_mb: 128,
    command,
  });
  const job = (): Answer => {
    const guid = `job-${jobs.size + 1}`;
    jobs.set(guid, 0);
    return { status: 202, headers: { location: `${cf.url()}/v3/jobs/${guid}` } };
  };
  const all = (): Partial<InstanceStats>[] =>
    Array.from({ length: instances }, () => ({ state: 'RUNNING', uptime: 1, cell_id: 'cell-1' }));
  const appOf = (path: string): FakeApp | undefined =>
    cf.apps.find(({ guid }) => path.split('/')[3] === guid);
  const setState =
    (state: FakeApp['state']): Handler =>
    ({ path }) => {
      const app = appOf(path);
      if (app === undefined) return cfError(404, 'App not found', 'CF-ResourceNotFound');
      app.state = state;
      return { json: app };
    };

  const routes: [string, Handler][] = [
    ['GET /v3/spaces', () => list([{ guid: 'space-1', name: 'default' }])],
    [
      'POST /v3/spaces/space-1/actions/apply_manifest',
      ({ body }) => {
        for (const [, name = ''] of body.toString().matchAll(/^(?:  - | {4})name: "?([^"\n]*)"?$/gm)) {
          if (cf.apps.some((app) => app.name === name)) continue;
          made += 1;
          cf.apps.push({ guid: `app-${made}`, name, state: 'STOPPED' });
        }
        return job();
      },
    ],
    [
      'GET /v3/jobs/([^/]+)',
      ({ path }) => {
        const guid = path.split('/')[3] ?? '';
        const looked = jobs.get(guid) ?? 0;
        jobs.set(guid, looked + 1);
        return { json: { guid, state: looked === 0 ? 'PROCESSING' : 'COMPLETE', errors: [] } };
      },
    ],
    [
      'GET /v3/apps',
      ({ query }) => {
        const names = query.get('names');
        return list(cf.apps.filter(({ name }) => names === null || name === decodeURIComponent(names)));
      },
    ],
    [
      'DELETE /v3/apps/[^/]+',
      ({ path }) => {
        cf.apps.splice(
          cf.apps.findIndex((app) => app === appOf(path)),
          1,
        );
        return job();
      },
    ],
    ['GET /v3/apps/[^/]+/processes', ({ path }) => list([process(path.split('/')[3] ?? '')])],
    ['GET /v3/apps/[^/]+/processes/web', ({ path }) => ({ json: process(path.split('/')[3] ?? '') })],
    [
      'GET /v3/apps/[^/]+/routes',
      ({ path }) => {
        const app = appOf(path);
        const destinations = [{ app: { guid: app?.guid } }];
        return list(
          app ? [{ guid: `route-${app.guid}`, url: `${app.name}.localhost:8080`, destinations }] : [],
        );
      },
    ],
    ['DELETE /v3/routes/[^/]+', job],
    [
      'GET /v3/processes/[^/]+/stats',
      () => {
        const stats = options.stats?.(looks) ?? all();
        looks += 1;
        return list(stats.map((entry, index) => ({ index, state: 'STARTING', ...entry })));
      },
    ],
    ['POST /v3/apps/[^/]+/processes/web/actions/scale', ({ path }) => ({ status: 202, json: process(path) })],
    ['POST /v3/apps/[^/]+/actions/(start|restart)', setState('STARTED')],
    ['POST /v3/apps/[^/]+/actions/stop', setState('STOPPED')],
    [
      'POST /v3/packages',
      ({ body }) => {
        const isImage = (JSON.parse(String(body)) as { type: string }).type === 'docker';
        return { status: 201, json: { guid: 'package-1', state: isImage ? 'READY' : 'AWAITING_UPLOAD' } };
      },
    ],
    [
      'POST /v3/packages/package-1/upload',
      () => ({ json: { guid: 'package-1', state: 'PROCESSING_UPLOAD' } }),
    ],
    ['GET /v3/packages/package-1', () => ({ json: { guid: 'package-1', state: 'READY' } })],
    ['POST /v3/builds', () => ({ status: 201, json: { guid: 'build-1', state: 'STAGING' } })],
    [
      'GET /v3/builds/build-1',
      () => ({ json: { guid: 'build-1', state: 'STAGED', error: null, droplet: { guid: 'droplet-1' } } }),
    ],
    [
      'PATCH /v3/apps/[^/]+/relationships/current_droplet',
      ({ body }) => ({ json: JSON.parse(String(body)) }),
    ],
    ['GET /outcry/v1/cells', () => list([])],
  ];
  return routes;
};

export const createFakeCf = async (options: FakeCfOptions = {}): Promise<FakeCf> => {
  const token = options.token ?? 'secret';
  const apps = (options.apps ?? []).map(({ name, state = 'STARTED', lifecycle }, at): FakeApp => ({
    guid: `app-${at + 1}`,
    name,
    state,
    ...(lifecycle && { lifecycle }),
  }));
  const calls: string[] = [];
  const asked: Asked[] = [];
  let url = '';
  const routes = [...Object.entries(options.on ?? {}), ...createRoutes({ apps, url: () => url }, options)];

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const call = `${request.method} ${pathname}`;
    calls.push(call);
    if (request.headers.authorization !== `bearer ${token}`) return cfError(401, 'Invalid Auth Token');
    const handler = routes.find(([pattern]) => new RegExp(`^${pattern}$`).test(call))?.[1];
    if (handler === undefined) return cfError(404, `no answer scripted for ${call}`, 'CF-NotFound');
    const one = { method: request.method ?? '', path: pathname, query: searchParams };
    const given = { ...one, body: await readBody(request) };
    asked.push(given);
    return handler(given);
  };

  const server = createServer((request, response) => {
    answer(request).then(
      (reply) => {
        if (reply === 'hang') return;
        if (reply === 'cut') {
          request.socket.destroy();
          return;
        }
        const text = reply.text ?? (reply.json === undefined ? '' : JSON.stringify(reply.json));
        response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
        response.end(text);
      },
      // the caller has hung up
      () => request.socket.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, token, apps, calls, asked, close };
};
