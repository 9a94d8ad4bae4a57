import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { findApp } from '../core/apps.js';
import type { Fields } from '../../common/model/read.js';
import { MAX_INT32, integer } from '../../common/model/read.js';
import type { TaskRow } from '../core/rows.js';
import type { NewTask } from '../core/tasks.js';
import { findTask } from '../core/tasks.js';
import { ignored, into, nested, optional, readBody, reference, text } from './body.js';
import type { Deps } from './deps.js';
import type { ListSpec } from './list.js';
import { byDate, rowsOf, sendList } from './list.js';
import * as present from './present.js';
import { guidOf, send, sendFailures } from './respond.js';

type Wish = Omit<NewTask, 'app'>;

/** null = as if it were not there */
const wishFields: Fields<Wish> = {
  command: optional(into<Wish, 'command'>('command', text)),
  name: optional(into<Wish, 'name'>('name', text)),
  memory_in_mb: optional(into<Wish, 'memoryMb'>('memoryMb', integer(1, MAX_INT32))),
  disk_in_mb: optional(into<Wish, 'diskMb'>('diskMb', integer(1, MAX_INT32))),
  log_rate_limit_in_bytes_per_second: optional(
    into<Wish, 'logRateLimitBytesPerSecond'>('logRateLimitBytesPerSecond', integer(-1, MAX_INT32)),
  ),
  droplet_guid: optional(into<Wish, 'dropletGuid'>('dropletGuid', text)),
  template: optional(
    nested<Wish>({ process: into<Wish, 'templateProcessGuid'>('templateProcessGuid', reference) }),
  ),
  metadata: ignored,
};

const taskList: ListSpec<TaskRow> = {
  filters: {
    guids: (row) => row.guid,
    names: (row) => row.name,
    states: (row) => row.state,
    sequence_ids: (row) => String(row.sequenceId),
    app_guids: (row) => row.appGuid,
  },
  orders: { ...byDate, sequence_id: (row) => row.sequenceId },
  present: present.task,
};

export const taskRoutes = (server: FastifyInstance, deps: Deps): void => {
  const { tables } = deps.state;

  server.post('/v3/apps/:guid/tasks', async (request, reply) => {
    const body = readBody<Wish>(request.body, {}, wishFields);
    if (!body.ok) return sendFailures(reply, body.error);
    return send(reply, await deps.operations.runTask(guidOf(request), body.value), present.task, 202);
  });
  server.get('/v3/apps/:guid/tasks', (request, reply) => {
    const app = findApp(tables, guidOf(request));
    if (!app.ok) return sendFailures(reply, app.error);
    return sendList(request, reply, { rows: tables.tasks.byIndex('app', app.value.guid), spec: taskList });
  });
  server.get('/v3/tasks', (request, reply) =>
    sendList(request, reply, { rows: rowsOf(tables.tasks), spec: taskList }),
  );
  server.get('/v3/tasks/:guid', (request, reply) =>
    send(reply, findTask(tables, guidOf(request)), present.task),
  );

  const cancel = async (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, await deps.tasks.cancel(guidOf(request)), present.task, 202);
  // the cf CLI uses the older form
  server.put('/v3/tasks/:guid/cancel', cancel);
  server.post('/v3/tasks/:guid/actions/cancel', cancel);
};
