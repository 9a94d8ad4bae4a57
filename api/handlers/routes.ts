import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { notFound } from '../core/failure.js';
import { createJob } from '../core/jobs.js';
import { isProcessType } from '../../common/model/names.js';
import type { Fields, Read } from '../../common/model/read.js';
import { integer, invalid, isMapping, list, oneOf, textMap, textWhere } from '../../common/model/read.js';
import type { DestinationWish } from '../core/routes.js';
import { addDestinations, createRoute, removeDestination } from '../core/routes.js';
import type { ReadTables, RouteRow } from '../core/rows.js';
import {
  ignored,
  into,
  nested,
  optional,
  readBody,
  relationship,
  relationships,
  required,
  text,
} from './body.js';
import type { Deps } from './deps.js';
import type { ListSpec } from './list.js';
import { byDate, rowsOf, sendList } from './list.js';
import * as present from './present.js';
import { guidOf, paramOf, send, sendFailures, sendJob } from './respond.js';

/** `hosts=` and `paths=`, present and empty, mean the empty string. */
export const routeList = (tables: ReadTables): ListSpec<RouteRow> => ({
  filters: {
    guids: (row) => row.guid,
    hosts: (row) => row.host,
    paths: (row) => row.path,
    domain_guids: (row) => row.domainGuid,
    space_guids: (row) => row.spaceGuid,
    organization_guids: (row) => tables.spaces.get(row.spaceGuid)?.organizationGuid ?? '',
    app_guids: (row) => row.destinations.map((destination) => destination.appGuid),
  },
  orders: byDate,
  present: present.route(tables),
});

interface CreateBody {
  host: string;
  path: string;
  space: string;
  domain: string;
  options: Record<string, string>;
}

const createFields: Fields<CreateBody> = {
  host: optional(into<CreateBody, 'host'>('host', text)),
  path: optional(into<CreateBody, 'path'>('path', text)),
  port: optional(
    (_target, _value, at, report) =>
      void invalid(at, report, 'ports are for TCP domains, of which there are none'),
  ),
  options: optional(into<CreateBody, 'options'>('options', textMap)),
  relationships: relationships({ space: into('space', relationship), domain: into('domain', relationship) }),
  metadata: ignored,
};

interface AppTarget {
  guid: string;
  type: string;
}

const targetFields: Fields<AppTarget> = {
  guid: into('guid', text),
  process: optional(
    nested<AppTarget>({
      type: into<AppTarget, 'type'>('type', textWhere(isProcessType, 'must be a process type')),
    }),
  ),
};

interface WishBody {
  app: AppTarget;
  port: number | null;
  protocol: string | null;
}

const wishFields: Fields<WishBody> = {
  app: (target, value, at, report) => nested(targetFields)(target.app, value, at, report),
  port: optional((target, value, at, report) => {
    target.port = integer(1, 65_535)(value, at, report) ?? null;
  }),
  protocol: optional((target, value, at, report) => {
    target.protocol = oneOf('http1', 'http2')(value, at, report) ?? null;
  }),
  weight: ignored,
};

const destinationWish: Read<DestinationWish> = (value, at, report) => {
  if (!isMapping(value)) return invalid(at, report, 'must be a destination');
  const body: WishBody = { app: { guid: '', type: 'web' }, port: null, protocol: null };
  nested(wishFields)(body, value, at, report);
  return {
    appGuid: body.app.guid,
    processType: body.app.type,
    protocol: body.protocol ?? 'http1',
    ...(body.port === null ? {} : { port: body.port }),
  };
};

const findRoute = (tables: ReadTables, request: FastifyRequest): Result<RouteRow, ApiFailure[]> => {
  const route = tables.routes.get(guidOf(request));
  return route ? ok(route) : notFound('Route');
};

const readRoutes = (server: FastifyInstance, { state: { tables } }: Deps): void => {
  server.get('/v3/routes', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.routes), spec: routeList(tables) }),
  );
  server.get('/v3/routes/:guid', (request, reply) =>
    send(reply, findRoute(tables, request), present.route(tables)),
  );
  server.get('/v3/routes/:guid/destinations', (request, reply) =>
    send(reply, findRoute(tables, request), (route) => ({
      destinations: route.destinations.map(present.destination(tables)),
    })),
  );
};

export const routeRoutes = (server: FastifyInstance, deps: Deps): void => {
  const { state, operations } = deps;
  readRoutes(server, deps);

  server.post('/v3/routes', async (request, reply) => {
    const empty: CreateBody = { host: '', path: '', space: '', domain: '', options: {} };
    const body = required(readBody(request.body, empty, createFields), ['space', 'domain']);
    if (!body.ok) return sendFailures(reply, body.error);
    const { space: spaceGuid, domain: domainGuid, host, path, options } = body.value;
    const wish = { spaceGuid, domainGuid, host: host.toLowerCase(), path, options };
    const created = await state.decide((tables, context) => createRoute(tables, context, wish));
    return send(reply, created, present.route(state.tables), 201);
  });

  server.delete('/v3/routes/:guid', async (request, reply) => {
    const removed = await state.decide((tables, context) => {
      const route = findRoute(tables, request);
      if (!route.ok) return route;
      tables.routes.delete(route.value.guid);
      return ok({ route: route.value, job: createJob(tables, context, 'route.delete') });
    });
    if (!removed.ok) return sendFailures(reply, removed.error);
    const { route, job } = removed.value;
    operations.finishByRerouting(
      job,
      route.destinations.map((destination) => destination.appGuid),
    );
    return sendJob(request, reply, ok(job));
  });

  server.post('/v3/routes/:guid/destinations', async (request, reply) => {
    const body = readBody<{ wishes: DestinationWish[] }>(
      request.body,
      { wishes: [] },
      { destinations: into('wishes', list(destinationWish)) },
    );
    if (!body.ok) return sendFailures(reply, body.error);
    const { wishes } = body.value;
    const added = await state.decide((tables, context) => {
      const route = findRoute(tables, request);
      return route.ok ? addDestinations(tables, context, { route: route.value, wishes }) : route;
    });
    if (!added.ok) return sendFailures(reply, added.error);
    const synced = await operations.reroute(wishes.map((wish) => wish.appGuid));
    return send(reply, synced.ok ? added : synced, (route) => ({
      destinations: route.destinations.map(present.destination(state.tables)),
    }));
  });

  server.delete('/v3/routes/:guid/destinations/:destination', async (request, reply) => {
    const destinationGuid = paramOf(request, 'destination');
    const removed = await state.decide((tables, context) => {
      const route = findRoute(tables, request);
      return route.ok ? removeDestination(tables, context, { route: route.value, destinationGuid }) : route;
    });
    if (!removed.ok) return sendFailures(reply, removed.error);
    const synced = await operations.reroute([removed.value.appGuid]);
    return synced.ok ? reply.code(204).send() : sendFailures(reply, synced.error);
  });
};
