import type { FastifyInstance } from 'fastify';
import { parseImage } from '../../common/model/image.js';
import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { notFound, refuseCoded } from '../core/failure.js';
import { createBuild, createPackage, findPackage } from '../core/packages.js';
import type { Fields } from '../../common/model/read.js';
import { oneOf } from '../../common/model/read.js';
import type { DropletRow, PackageRow } from '../core/rows.js';
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
import { baseUrl, guidOf, send, sendFailures } from './respond.js';
import { uploadPackage } from './upload.js';

interface PackageBody {
  type: string;
  app: string;
  image?: string;
  username?: string;
  password?: string;
}

const packageFields: Fields<PackageBody> = {
  type: into('type', oneOf('bits', 'docker')),
  relationships: relationships({ app: into('app', relationship) }),
  data: optional(
    nested<PackageBody>({
      image: into<PackageBody, 'image'>('image', text),
      username: optional(into<PackageBody, 'username'>('username', text)),
      password: optional(into<PackageBody, 'password'>('password', text)),
      error: ignored,
      checksum: ignored,
    }),
  ),
  metadata: ignored,
};

/** '' for bits. */
const imageOf = ({ type, image, username, password }: PackageBody): Result<string, ApiFailure[]> => {
  if (type !== 'docker') return ok('');
  if (username !== undefined || password !== undefined) return refuseCoded('IMAGE_CREDENTIALS_UNSUPPORTED');
  if (image === undefined)
    return refuseCoded('API_BODY_INVALID', { field: '/data/image', reason: 'must be there' });
  const parsed = parseImage(image);
  return parsed.ok
    ? ok(image)
    : refuseCoded('API_BODY_INVALID', { field: '/data/image', reason: parsed.error });
};

interface BuildBody {
  package: string;
}

const buildFields: Fields<BuildBody> = {
  package: into('package', reference),
  lifecycle: optional(ignored),
  metadata: ignored,
};

const packageList = (base: string): ListSpec<PackageRow> => ({
  filters: {
    guids: (row) => row.guid,
    states: (row) => row.state,
    types: (row) => row.type,
    app_guids: (row) => row.appGuid,
  },
  orders: byDate,
  present: present.pack(base),
});

const dropletList: ListSpec<DropletRow> = {
  filters: { guids: (row) => row.guid, states: () => 'STAGED', app_guids: (row) => row.appGuid },
  orders: byDate,
  present: present.droplet,
};

const packageRoutesOnly = (server: FastifyInstance, deps: Deps): void => {
  const { tables } = deps.state;
  server.get('/v3/packages', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.packages), spec: packageList(baseUrl(request)) }),
  );
  server.get('/v3/packages/:guid', (request, reply) =>
    send(reply, findPackage(tables, guidOf(request)), present.pack(baseUrl(request))),
  );
  server.get('/v3/packages/:guid/droplets', (request, reply) => {
    const source = findPackage(tables, guidOf(request));
    if (!source.ok) return sendFailures(reply, source.error);
    const all = [...tables.droplets.byIndex('app', source.value.appGuid)];
    const rows = all.filter((droplet) => droplet.packageGuid === source.value.guid);
    return sendList(request, reply, { rows, spec: dropletList });
  });
  server.post('/v3/packages', async (request, reply) => {
    const body = required(readBody(request.body, { type: '', app: '' }, packageFields), ['type', 'app']);
    if (!body.ok) return sendFailures(reply, body.error);
    const image = imageOf(body.value);
    if (!image.ok) return sendFailures(reply, image.error);
    const created = await deps.state.decide((rows, context) =>
      createPackage(rows, context, { appGuid: body.value.app, image: image.value }),
    );
    return send(reply, created, present.pack(baseUrl(request)), 201);
  });
  server.post('/v3/packages/:guid/upload', async (request, reply) =>
    send(reply, await uploadPackage(request, guidOf(request), deps), present.pack(baseUrl(request))),
  );
};

export const packageRoutes = (server: FastifyInstance, deps: Deps): void => {
  const { tables } = deps.state;
  packageRoutesOnly(server, deps);
  // Nothing is kept by file, so nothing is ever matched.
  server.post('/v3/resource_matches', (_request, reply) => reply.code(201).send({ resources: [] }));

  server.get('/v3/builds', (request, reply) =>
    sendList(request, reply, {
      rows: rowsOf(tables.builds),
      spec: {
        filters: {
          guids: (row) => row.guid,
          states: (row) => row.state,
          app_guids: (row) => row.appGuid,
          package_guids: (row) => row.packageGuid,
        },
        orders: byDate,
        present: present.build,
      },
    }),
  );
  server.get('/v3/builds/:guid', (request, reply) => {
    const build = tables.builds.get(guidOf(request));
    return send(reply, build ? ok(build) : notFound('Build'), present.build);
  });
  server.post('/v3/builds', async (request, reply) => {
    const body = required(readBody<BuildBody>(request.body, { package: '' }, buildFields), ['package']);
    if (!body.ok) return sendFailures(reply, body.error);
    const created = await deps.state.decide((rows, context) =>
      createBuild(rows, context, { packageGuid: body.value.package }),
    );
    if (created.ok) deps.staging.stage(created.value);
    return send(reply, created, present.build, 201);
  });

  server.get('/v3/droplets', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.droplets), spec: dropletList }),
  );
  server.get('/v3/droplets/:guid', (request, reply) => {
    const droplet = tables.droplets.get(guidOf(request));
    return send(reply, droplet ? ok(droplet) : notFound('Droplet'), present.droplet);
  });
};
