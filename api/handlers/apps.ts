import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ok } from '../../common/model/result.js';
import { changeEnv, createApp, findApp, keepLifecycle, renameApp, setCurrentDroplet } from '../core/apps.js';
import { notFound } from '../core/failure.js';
import { vcapApplication } from '../core/lrp-parts.js';
import { expireOld } from '../core/packages.js';
import { processOfType } from '../core/processes.js';
import type { Fields, Read } from '../../common/model/read.js';
import { invalid, isMapping, list, oneOf, textMap } from '../../common/model/read.js';
import { routesOf } from '../core/routes.js';
import type { AppRow, LifecycleType } from '../core/rows.js';
import {
  ignored,
  into,
  nested,
  optional,
  readBody,
  reference,
  relationship,
  relationships,
  required,
  text,
} from './body.js';
import type { Deps } from './deps.js';
import type { ListSpec } from './list.js';
import { byDate, rowsOf, sendList } from './list.js';
import * as present from './present.js';
import { baseUrl, guidOf, send, sendFailures, sendJob } from './respond.js';
import { routeList } from './routes.js';

const appList: ListSpec<AppRow> = {
  filters: {
    names: (app) => app.name,
    guids: (app) => app.guid,
    space_guids: (app) => app.spaceGuid,
    stacks: (app) => app.stack,
    lifecycle_type: (app) => app.lifecycle,
  },
  orders: { ...byDate, name: (app) => app.name, state: (app) => app.state },
  present: present.app,
};

interface CreateBody {
  name: string;
  space: string;
  lifecycle?: LifecycleType;
  stack?: string;
  buildpacks?: string[];
  env?: Record<string, string>;
}

const lifecycleType = oneOf('buildpack', 'docker');

const lifecycleFields: Fields<CreateBody> = {
  type: into<CreateBody, 'lifecycle'>('lifecycle', lifecycleType),
  data: nested<CreateBody>({
    stack: optional(into<CreateBody, 'stack'>('stack', text)),
    buildpacks: optional(into<CreateBody, 'buildpacks'>('buildpacks', list(text))),
  }),
};

const createFields: Fields<CreateBody> = {
  name: into('name', text),
  relationships: relationships({ space: into('space', relationship) }),
  environment_variables: optional(into<CreateBody, 'env'>('env', textMap)),
  lifecycle: nested(lifecycleFields),
  metadata: ignored,
};

interface PatchBody {
  name?: string;
  lifecycle?: LifecycleType;
}

const patchFields: Fields<PatchBody> = {
  name: into<PatchBody, 'name'>('name', text),
  lifecycle: nested<PatchBody>({
    type: into<PatchBody, 'lifecycle'>('lifecycle', lifecycleType),
    data: ignored,
  }),
  metadata: ignored,
};

type EnvChange = Record<string, string | null>;

const envChange: Read<EnvChange> = (value, at, report) => {
  if (!isMapping(value)) return invalid(at, report, 'must be a mapping of names to values');
  const set = textMap(
    Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null)),
    at,
    report,
  );
  const unset = Object.entries(value).flatMap(([name, entry]) =>
    entry === null ? [[name, null] as const] : [],
  );
  return { ...set, ...Object.fromEntries(unset) };
};

const readRoutes = (server: FastifyInstance, { state }: Deps): void => {
  const { tables } = state;
  const found = (request: FastifyRequest) => findApp(tables, guidOf(request));

  server.get('/v3/apps', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.apps), spec: appList }),
  );
  server.get('/v3/apps/:guid', (request, reply) => send(reply, found(request), present.app));

  server.get('/v3/apps/:guid/env', (request, reply) =>
    send(reply, found(request), (app) => ({
      staging_env_json: {},
      running_env_json: {},
      environment_variables: app.env,
      system_env_json: { VCAP_SERVICES: {} },
      application_env_json: { VCAP_APPLICATION: applicationOf(app) },
    })),
  );
  const applicationOf = (app: AppRow): object => {
    const process = processOfType(tables, app.guid, 'web');
    const droplet = tables.droplets.get(app.currentDropletGuid);
    if (!process || !droplet) return {};
    const { guid: processGuid, version, memoryMb, diskMb } = process;
    const owner = { app, droplet, processType: 'web', processGuid, version, memoryMb, diskMb };
    return vcapApplication(tables, state.settings, owner);
  };

  server.get('/v3/apps/:guid/environment_variables', (request, reply) =>
    send(reply, found(request), (app) => ({ var: app.env })),
  );

  server.get('/v3/apps/:guid/routes', (request, reply) => {
    const app = found(request);
    if (!app.ok) return sendFailures(reply, app.error);
    return sendList(request, reply, { rows: routesOf(tables, app.value.guid), spec: routeList(tables) });
  });

  server.get('/v3/apps/:guid/droplets/current', (request, reply) => {
    const app = found(request);
    if (!app.ok) return sendFailures(reply, app.error);
    const droplet = tables.droplets.get(app.value.currentDropletGuid);
    return send(reply, droplet ? ok(droplet) : notFound('Droplet'), present.droplet);
  });

  server.get('/v3/apps/:guid/relationships/current_droplet', (request, reply) => {
    const app = found(request);
    if (!app.ok) return sendFailures(reply, app.error);
    const guid = app.value.currentDropletGuid;
    return send(reply, guid === '' ? notFound('Droplet') : ok(guid), (value) => ({ data: { guid: value } }));
  });
};

const changeRoutes = (server: FastifyInstance, { state, operations, logs }: Deps): void => {
  server.post('/v3/apps', async (request, reply) => {
    const body = required(readBody<CreateBody>(request.body, { name: '', space: '' }, createFields), [
      'name',
      'space',
    ]);
    if (!body.ok) return sendFailures(reply, body.error);
    const { space: spaceGuid, ...rest } = body.value;
    const created = await state.decide((tables, context) =>
      createApp(tables, context, { ...rest, spaceGuid }),
    );
    if (created.ok) {
      const { guid } = created.value;
      logs.tell({ sourceId: guid, sourceType: 'API', text: `Created app with guid ${guid}` });
    }
    return send(reply, created, present.app, 201);
  });

  server.patch('/v3/apps/:guid', async (request, reply) => {
    const body = readBody<PatchBody>(request.body, {}, patchFields);
    if (!body.ok) return sendFailures(reply, body.error);
    const { name, lifecycle } = body.value;
    const renamed = await state.decide((tables, context) => {
      const found = findApp(tables, guidOf(request));
      const app = found.ok ? keepLifecycle(found.value, lifecycle) : found;
      if (!app.ok || name === undefined) return app;
      return renameApp(tables, context, { app: app.value, name });
    });
    return send(reply, renamed, present.app);
  });

  server.delete('/v3/apps/:guid', async (request, reply) =>
    sendJob(request, reply, await operations.remove(guidOf(request))),
  );

  server.patch('/v3/apps/:guid/environment_variables', async (request, reply) => {
    const body = readBody<{ var: EnvChange }>(request.body, { var: {} }, { var: into('var', envChange) });
    if (!body.ok) return sendFailures(reply, body.error);
    const changed = await state.decide((tables, context) => {
      const app = findApp(tables, guidOf(request));
      return app.ok ? changeEnv(tables, context, { app: app.value, changes: body.value.var }) : app;
    });
    return send(reply, changed, (app) => ({ var: app.env }));
  });

  server.patch('/v3/apps/:guid/relationships/current_droplet', async (request, reply) => {
    const body = required(
      readBody<{ data: string }>(request.body, { data: '' }, { data: into('data', reference) }),
      ['data'],
    );
    if (!body.ok) return sendFailures(reply, body.error);
    const set = await state.decide((tables, context) => {
      const app = findApp(tables, guidOf(request));
      if (!app.ok) return app;
      const changed = setCurrentDroplet(tables, context, { app: app.value, dropletGuid: body.value.data });
      if (changed.ok) expireOld(tables, context, app.value.guid);
      return changed;
    });
    const href = `${baseUrl(request)}/v3/apps/${guidOf(request)}/relationships/current_droplet`;
    return send(reply, set, (app) => ({ data: { guid: app.currentDropletGuid }, links: { self: { href } } }));
  });
};

const actionRoutes = (server: FastifyInstance, { operations }: Deps): void => {
  server.post('/v3/apps/:guid/actions/start', async (request, reply) =>
    send(reply, await operations.start(guidOf(request), { renew: false }), present.app),
  );
  server.post('/v3/apps/:guid/actions/restart', async (request, reply) =>
    send(reply, await operations.start(guidOf(request), { renew: true }), present.app),
  );
  server.post('/v3/apps/:guid/actions/stop', async (request, reply) =>
    send(reply, await operations.stop(guidOf(request)), present.app),
  );
};

export const appRoutes = (server: FastifyInstance, deps: Deps): void => {
  readRoutes(server, deps);
  changeRoutes(server, deps);
  actionRoutes(server, deps);
};
