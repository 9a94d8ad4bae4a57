import type { FastifyInstance, FastifyRequest } from 'fastify';
import { notFound } from '../core/failure.js';
import { ok } from '../../common/model/result.js';
import type { Deps } from './deps.js';
import { byDate, rowsOf, sendEmptyList, sendList } from './list.js';
import * as present from './present.js';
import { baseUrl, guidOf, send } from './respond.js';

/** Decides which of its features the cf CLI uses (reference: cf CLI, version gates). */
const API_VERSION = '3.195.0';

const rootDocument = (request: FastifyRequest) => {
  const base = baseUrl(request);
  return {
    links: {
      self: { href: base },
      cloud_controller_v3: { href: `${base}/v3`, meta: { version: API_VERSION } },
      log_cache: { href: base },
      outcry: { href: `${base}/outcry/v1` },
    },
  };
};

const COLLECTIONS = [
  'apps',
  'builds',
  'deployments',
  'domains',
  'droplets',
  'organizations',
  'packages',
  'processes',
  'routes',
  'spaces',
  'tasks',
];

const v3Document = (request: FastifyRequest) => {
  const base = `${baseUrl(request)}/v3`;
  const links = COLLECTIONS.map((name) => [name, { href: `${base}/${name}` }]);
  return { links: { self: { href: base }, ...(Object.fromEntries(links) as object) } };
};

const info = (request: FastifyRequest) => ({
  build: '',
  cli_version: { minimum: '', recommended: '' },
  custom: {},
  description: 'Outcry',
  name: 'outcry',
  version: 0,
  links: { self: { href: `${baseUrl(request)}/v3/info` } },
});

/** Paths that need no token: what a client reads before it has one. */
export const OPEN_PATHS: ReadonlySet<string> = new Set(['/', '/v3', '/v3/info']);

const placeRoutes = (server: FastifyInstance, { state: { tables } }: Deps): void => {
  server.get('/v3/organizations', (request, reply) =>
    sendList(request, reply, {
      rows: rowsOf(tables.organizations),
      spec: {
        filters: { names: (row) => row.name, guids: (row) => row.guid },
        orders: { created_at: byDate.created_at, name: (row) => row.name },
        present: present.organization,
      },
    }),
  );
  server.get('/v3/organizations/:guid', (request, reply) => {
    const found = tables.organizations.get(guidOf(request));
    return send(reply, found ? ok(found) : notFound('Organization'), present.organization);
  });
  server.get('/v3/spaces', (request, reply) =>
    sendList(request, reply, {
      rows: rowsOf(tables.spaces),
      spec: {
        filters: {
          names: (row) => row.name,
          guids: (row) => row.guid,
          organization_guids: (row) => row.organizationGuid,
        },
        orders: { created_at: byDate.created_at, name: (row) => row.name },
        present: present.space,
      },
    }),
  );
  server.get('/v3/spaces/:guid', (request, reply) => {
    const found = tables.spaces.get(guidOf(request));
    return send(reply, found ? ok(found) : notFound('Space'), present.space);
  });
};

export const rootRoutes = (server: FastifyInstance, deps: Deps): void => {
  const { tables } = deps.state;
  server.get('/', (request) => rootDocument(request));
  server.get('/v3', (request) => v3Document(request));
  server.get('/v3/info', (request) => info(request));
  placeRoutes(server, deps);

  const domains = {
    filters: { names: (row: { name: string }) => row.name, guids: (row: { guid: string }) => row.guid },
    orders: { created_at: byDate.created_at },
    present: present.domain,
  };
  server.get('/v3/domains', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.domains), spec: domains }),
  );
  server.get('/v3/organizations/:guid/domains', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.domains), spec: domains }),
  );
  server.get('/v3/domains/:guid', (request, reply) => {
    const found = tables.domains.get(guidOf(request));
    return send(reply, found ? ok(found) : notFound('Domain'), present.domain);
  });

  server.get('/v3/jobs/:guid', (request, reply) => {
    const found = tables.jobs.get(guidOf(request));
    return send(reply, found ? ok(found) : notFound('Job'), present.job);
  });
  // Nothing is deployed rolling yet; clients ask for active deployments after every push.
  server.get('/v3/deployments', (request, reply) => sendEmptyList(request, reply));
};
