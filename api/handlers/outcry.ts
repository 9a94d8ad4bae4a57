import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import { fromJson, toJson } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import type { ApiFailure } from '../core/failure.js';
import { cfFailure, codedFailure } from '../core/failure.js';
import { APPS_DOMAIN, TASKS_DOMAIN } from '../core/lrp-parts.js';
import { isMapping } from '../../common/model/read.js';
import { waitingOf } from '../core/waiting.js';
import type { Cell } from '../services/cells.js';
import { bbsFailure } from '../services/lrp-writer.js';
import type { Deps } from './deps.js';
import { limitIn } from './list.js';
import { guidOf, paramOf, send, sendFailures } from './respond.js';

/** Our own namespace: desired LRPs, tasks and cells as Diego has them, in Diego's JSON. */

/** Domains whose content follows from apps: what else is put there would be removed again. */
const OWNED: readonly string[] = [APPS_DOMAIN, TASKS_DOMAIN];

const parsed = <N extends WireName>(name: N, body: unknown): Result<WireMessages[N], ApiFailure[]> => {
  const value = fromJson(name, body);
  if (value.ok) return value;
  return err(
    value.error.map(({ path, message }) =>
      codedFailure('API_BODY_INVALID', { field: path, reason: message }),
    ),
  );
};

const failureOf = (error: BbsError, what: string): ApiFailure => {
  if (error.type === 'ResourceNotFound') return cfFailure('ResourceNotFound', `${what} not found`);
  if (error.type === 'ResourceExists' || error.type === 'ResourceConflict') {
    return { ...bbsFailure(error), status: 409 };
  }
  return bbsFailure(error);
};

const outcome = <T>(result: BbsResult<T>, what: string): Result<T, ApiFailure[]> =>
  result.ok ? result : err([failureOf(result.error, what)]);

const owned = (domain: string): ApiFailure[] =>
  OWNED.includes(domain)
    ? [codedFailure('API_BODY_INVALID', { field: 'domain', reason: `${domain} belongs to applications` })]
    : [];

const queryText = (request: FastifyRequest, name: string): string | undefined => {
  const value = (request.query as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const LRP = 'Desired LRP';

const desiredLrpRoutes = (server: FastifyInstance, { bbs, random }: Deps): void => {
  const base = '/outcry/v1/desired_lrps';

  /** Refuses to touch what belongs to an app. */
  const free = async (guid: string): Promise<Result<void, ApiFailure[]>> => {
    const found = outcome(await bbs.desiredLrp(guid), LRP);
    if (!found.ok) return found;
    const failures = owned(found.value.domain);
    return failures.length > 0 ? err(failures) : ok(undefined);
  };

  server.post(base, async (request, reply) => {
    const lrp = parsed('DesiredLRP', request.body);
    if (!lrp.ok) return sendFailures(reply, lrp.error);
    const failures = owned(lrp.value.domain);
    if (failures.length > 0) return sendFailures(reply, failures);
    const desired = outcome(await bbs.desireLrp(lrp.value, random.uuid()), LRP);
    return send(reply, desired, () => toJson('DesiredLRP', lrp.value), 201);
  });
  server.get(base, async (request, reply) => {
    const domain = queryText(request, 'domain');
    const lrps = outcome(await bbs.desiredLrps(domain === undefined ? {} : { domain }), LRP);
    return send(reply, lrps, (list) => ({ resources: list.map((lrp) => toJson('DesiredLRP', lrp)) }));
  });
  server.get(`${base}/:guid`, async (request, reply) =>
    send(reply, outcome(await bbs.desiredLrp(guidOf(request)), LRP), (lrp) => toJson('DesiredLRP', lrp)),
  );
  server.patch(`${base}/:guid`, async (request, reply) => {
    const update = parsed('DesiredLRPUpdate', request.body);
    if (!update.ok) return sendFailures(reply, update.error);
    const may = await free(guidOf(request));
    if (!may.ok) return sendFailures(reply, may.error);
    const updated = outcome(await bbs.updateDesiredLrp(guidOf(request), update.value, random.uuid()), LRP);
    if (!updated.ok) return sendFailures(reply, updated.error);
    return send(reply, outcome(await bbs.desiredLrp(guidOf(request)), LRP), (lrp) =>
      toJson('DesiredLRP', lrp),
    );
  });
  server.delete(`${base}/:guid`, async (request, reply) => {
    const may = await free(guidOf(request));
    if (!may.ok) return sendFailures(reply, may.error);
    const removed = outcome(await bbs.removeDesiredLrp(guidOf(request), random.uuid()), LRP);
    return removed.ok ? reply.code(204).send() : sendFailures(reply, removed.error);
  });
  server.get('/outcry/v1/actual_lrps', async (request, reply) => {
    const [processGuid, domain, cellId] = ['process_guid', 'domain', 'cell_id'].map((name) =>
      queryText(request, name),
    );
    const filter = {
      ...(processGuid ? { processGuid } : {}),
      ...(domain ? { domain } : {}),
      ...(cellId ? { cellId } : {}),
    };
    const lrps = outcome(await bbs.actualLrps(filter), 'Actual LRP');
    return send(reply, lrps, (list) => ({ resources: list.map((lrp) => toJson('ActualLRP', lrp)) }));
  });
};

interface TaskWish {
  taskGuid: string;
  domain: string;
  definition: WireMessages['TaskDefinition'];
}

/** `{"task_guid", "domain", "task_definition"}`, as Diego's desire-task request. */
const taskWish = (body: unknown): Result<TaskWish, ApiFailure[]> => {
  const { task_guid: taskGuid, domain, task_definition: sent, ...rest } = isMapping(body) ? body : {};
  const fault = (field: string, reason: string) => err([codedFailure('API_BODY_INVALID', { field, reason })]);
  if (typeof taskGuid !== 'string' || taskGuid === '') return fault('task_guid', 'must be text');
  if (typeof domain !== 'string' || domain === '') return fault('domain', 'must be text');
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return fault(unknown, 'is not known');
  const failures = owned(domain);
  if (failures.length > 0) return err(failures);
  const definition = parsed('TaskDefinition', sent ?? {});
  return definition.ok ? ok({ taskGuid, domain, definition: definition.value }) : definition;
};

const bbsTaskRoutes = (server: FastifyInstance, { bbs, random }: Deps): void => {
  const base = '/outcry/v1/tasks';
  const show = async (reply: FastifyReply, guid: string, status = 200) =>
    send(reply, outcome(await bbs.task(guid), 'Task'), (task) => toJson('Task', task), status);

  server.post(base, async (request, reply) => {
    const wish = taskWish(request.body);
    if (!wish.ok) return sendFailures(reply, wish.error);
    const desired = outcome(await bbs.desireTask(wish.value, random.uuid()), 'Task');
    return desired.ok ? show(reply, wish.value.taskGuid, 201) : sendFailures(reply, desired.error);
  });
  server.get(base, async (request, reply) => {
    const domain = queryText(request, 'domain');
    const tasks = outcome(await bbs.tasks(domain === undefined ? {} : { domain }), 'Task');
    return send(reply, tasks, (list) => ({ resources: list.map((task) => toJson('Task', task)) }));
  });
  server.get(`${base}/:guid`, async (request, reply) => show(reply, guidOf(request)));
  server.post(`${base}/:guid/cancel`, async (request, reply) => {
    const canceled = outcome(await bbs.cancelTask(guidOf(request), random.uuid()), 'Task');
    return canceled.ok ? show(reply, guidOf(request), 202) : sendFailures(reply, canceled.error);
  });
};

const cell = ({ cellId, presence, state }: Cell) => ({
  cell_id: cellId,
  presence: presence === undefined ? null : toJson('CellPresence', presence),
  // null when it did not answer
  state: state === undefined ? null : toJson('CellState', state),
});

const DEFAULT_EVENTS = 50;
const MAX_EVENTS = 10_000;

const eventRoutes = (server: FastifyInstance, { history }: Deps): void => {
  server.get('/outcry/v1/events/:name', async (request, reply) => {
    const limit = limitIn(request, { fallback: DEFAULT_EVENTS, most: MAX_EVENTS });
    if (!limit.ok) return sendFailures(reply, limit.error);
    const entries = await history(paramOf(request, 'name'), limit.value);
    return send(reply, entries, (found) => toJson('HistoryResponse', { entries: found }));
  });
};

const DEFAULT_WAITING = 20;
const MAX_WAITING = 1_000;

const waitingRoutes = (server: FastifyInstance, { bbs, state }: Deps): void => {
  server.get('/outcry/v1/waiting', async (request, reply) => {
    const limit = limitIn(request, { fallback: DEFAULT_WAITING, most: MAX_WAITING });
    if (!limit.ok) return sendFailures(reply, limit.error);
    const actuals = outcome(await bbs.actualLrps({}), 'Actual LRP');
    if (!actuals.ok) return sendFailures(reply, actuals.error);
    const tasks = outcome(await bbs.tasks({}), 'Task');
    return send(reply, tasks, (list) => {
      const board = { actuals: actuals.value, tasks: list };
      const { moreGroups, ...waiting } = waitingOf(board, { tables: state.tables, limit: limit.value });
      return { ...waiting, more_groups: moreGroups };
    });
  });
};

export const outcryRoutes = (server: FastifyInstance, deps: Deps): void => {
  eventRoutes(server, deps);
  desiredLrpRoutes(server, deps);
  bbsTaskRoutes(server, deps);
  waitingRoutes(server, deps);
  server.get('/outcry/v1/cells', async (_request, reply) =>
    send(reply, outcome(await deps.cells(), 'Cell'), (cells) => ({ resources: cells.map(cell) })),
  );
  server.post('/outcry/v1/cells/:cell/evacuate', async (request, reply) => {
    const asked = await deps.evacuate(paramOf(request, 'cell'));
    return send(reply, asked, ({ cellId, ...rest }) => ({ cell_id: cellId, ...rest }), 202);
  });
};
