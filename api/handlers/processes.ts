import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import { findApp } from '../core/apps.js';
import type { ApiFailure } from '../core/failure.js';
import { notFound } from '../core/failure.js';
import { APPS_DOMAIN } from '../core/lrp-parts.js';
import type { ManifestProcess } from '../../common/model/manifest.js';
import type { Scale } from '../core/processes.js';
import { findProcess, lrpGuid, processesOf, withManifest } from '../core/processes.js';
import type { Fields } from '../../common/model/read.js';
import { MAX_INT32, healthCheckType, integer, nullable } from '../../common/model/read.js';
import type { ProcessRow } from '../core/rows.js';
import { instanceStats } from '../core/stats.js';
import { bbsFailure } from '../services/lrp-writer.js';
import { ignored, into, nested, optional, readBody, text } from './body.js';
import type { Deps } from './deps.js';
import type { ListSpec } from './list.js';
import { byDate, rowsOf, sendEmptyList, sendList } from './list.js';
import * as present from './present.js';
import { guidOf, paramOf, send, sendFailures } from './respond.js';

/** A process is named by its guid, or by its app and type. */
type Where = { guid: string } | { appGuid: string; type: string };

const whereOf = (request: FastifyRequest): Where => {
  const type = paramOf(request, 'type');
  return type === '' ? { guid: guidOf(request) } : { appGuid: guidOf(request), type };
};

const least = (value: number) => integer(value, MAX_INT32);

/** null = leave as it is */
const scaleFields: Fields<Scale> = {
  instances: optional(into<Scale, 'instances'>('instances', integer(0, 100_000))),
  memory_in_mb: optional(into<Scale, 'memoryMb'>('memoryMb', least(1))),
  disk_in_mb: optional(into<Scale, 'diskMb'>('diskMb', least(1))),
  log_rate_limit_in_bytes_per_second: optional(
    into<Scale, 'logRateLimitBytesPerSecond'>('logRateLimitBytesPerSecond', least(-1)),
  ),
};

const seconds = integer(1, 86_400);

const updateFields = (maximumTimeout: number): Fields<ManifestProcess> => ({
  command: into('command', nullable(text)),
  health_check: nested<ManifestProcess>({
    type: into('healthCheckType', healthCheckType),
    data: nested<ManifestProcess>({
      timeout: optional(into<ManifestProcess, 'timeout'>('timeout', integer(1, maximumTimeout))),
      endpoint: optional(into<ManifestProcess, 'healthCheckEndpoint'>('healthCheckEndpoint', text)),
      invocation_timeout: optional(
        into<ManifestProcess, 'healthCheckInvocationTimeout'>('healthCheckInvocationTimeout', seconds),
      ),
      interval: optional(into<ManifestProcess, 'healthCheckInterval'>('healthCheckInterval', seconds)),
    }),
  }),
  readiness_health_check: nested<ManifestProcess>({
    type: into('readinessType', healthCheckType),
    data: nested<ManifestProcess>({
      endpoint: optional(into<ManifestProcess, 'readinessEndpoint'>('readinessEndpoint', text)),
      invocation_timeout: optional(
        into<ManifestProcess, 'readinessInvocationTimeout'>('readinessInvocationTimeout', seconds),
      ),
      interval: optional(into<ManifestProcess, 'readinessInterval'>('readinessInterval', seconds)),
    }),
  }),
  metadata: ignored,
});

const createHandlers = (deps: Deps) => {
  const { state, operations, bbs, explain, clock, random } = deps;
  const { tables } = state;
  const find = (request: FastifyRequest) => findProcess(tables, whereOf(request));

  const statsOf = async (process: ProcessRow): Promise<Result<unknown, ApiFailure[]>> => {
    const actuals = await bbs.actualLrps({ processGuid: lrpGuid(process) });
    if (!actuals.ok) return { ok: false, error: [bbsFailure(actuals.error)] };
    const appState = tables.apps.get(process.appGuid)?.state ?? 'STOPPED';
    const instances = instanceStats({ process, appState, actuals: actuals.value, nowMs: clock.now() });
    const explained = await explain.instances(instances);
    return ok({ resources: explained.map(present.stats(process)) });
  };

  return {
    get: (request: FastifyRequest, reply: FastifyReply) =>
      send(reply, find(request), present.process(tables)),
    async stats(request: FastifyRequest, reply: FastifyReply) {
      const process = find(request);
      return send(reply, process.ok ? await statsOf(process.value) : process, (value) => value);
    },
    async scale(request: FastifyRequest, reply: FastifyReply) {
      const body = readBody<Scale>(request.body, {}, scaleFields);
      if (!body.ok) return sendFailures(reply, body.error);
      return send(reply, await operations.scale(whereOf(request), body.value), present.process(tables), 202);
    },
    async update(request: FastifyRequest, reply: FastifyReply) {
      const fields = updateFields(state.settings.maximumStartTimeoutSeconds);
      const body = readBody<ManifestProcess>(request.body, { type: '' }, fields);
      if (!body.ok) return sendFailures(reply, body.error);
      const updated = await state.decide((rows, context) => {
        const process = findProcess(rows, whereOf(request));
        if (!process.ok) return process;
        const row = withManifest(process.value, body.value, context.now);
        rows.processes.put(row.guid, row);
        return ok(row);
      });
      return send(reply, updated, present.process(tables));
    },
    async stopInstance(request: FastifyRequest, reply: FastifyReply) {
      const process = find(request);
      if (!process.ok) return sendFailures(reply, process.error);
      const index = Number(paramOf(request, 'index'));
      if (!Number.isInteger(index) || index < 0 || index >= process.value.instances) {
        return sendFailures(reply, notFound('Instance').error);
      }
      const key = { processGuid: lrpGuid(process.value), index, domain: APPS_DOMAIN };
      const retired = await bbs.retireActualLrp(key, random.uuid());
      if (retired.ok) return reply.code(204).send();
      const missing = retired.error.type === 'ResourceNotFound';
      return sendFailures(reply, missing ? notFound('Instance').error : [bbsFailure(retired.error)]);
    },
    sidecars(request: FastifyRequest, reply: FastifyReply) {
      const process = find(request);
      return process.ok ? sendEmptyList(request, reply) : sendFailures(reply, process.error);
    },
  };
};

export const processRoutes = (server: FastifyInstance, deps: Deps): void => {
  const { tables } = deps.state;
  const handlers = createHandlers(deps);
  const processList: ListSpec<ProcessRow> = {
    filters: {
      guids: (row) => row.guid,
      types: (row) => row.type,
      app_guids: (row) => row.appGuid,
      space_guids: (row) => tables.apps.get(row.appGuid)?.spaceGuid ?? '',
    },
    orders: byDate,
    present: present.process(tables),
  };

  server.get('/v3/processes', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.processes), spec: processList }),
  );
  server.get('/v3/apps/:guid/processes', (request, reply) => {
    const app = findApp(tables, guidOf(request));
    if (!app.ok) return sendFailures(reply, app.error);
    return sendList(request, reply, {
      rows: processesOf(tables, app.value.guid),
      // web first, as clients show them
      spec: { ...processList, orders: { type: (row) => (row.type === 'web' ? '' : row.type), ...byDate } },
    });
  });

  for (const path of ['/v3/processes/:guid', '/v3/apps/:guid/processes/:type']) {
    server.get(path, handlers.get);
    server.patch(path, handlers.update);
    server.get(`${path}/stats`, handlers.stats);
    server.get(`${path}/sidecars`, handlers.sidecars);
    server.post(`${path}/actions/scale`, handlers.scale);
    server.delete(`${path}/instances/:index`, handlers.stopInstance);
  }
};
