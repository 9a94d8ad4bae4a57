import type { BbsResult } from '../../common/model/bbs-error.js';
import type { Result } from '../../common/model/result.js';
import type { Board } from '../controllers/board.js';
import { bbsError } from '../core/decision.js';
import { err, ok } from '../../common/model/result.js';
import type { BbsRoute } from '../../common/wire/routes.js';
import * as actual from '../protocol/actual-lrps.js';
import * as coordination from '../protocol/coordination.js';
import * as desired from '../protocol/desired-lrps.js';
import type { Body, Call, Complaints } from '../protocol/fields.js';
import * as tasks from '../protocol/tasks.js';

/** One route as the server runs it: JSON body in, JSON body or error out. */
export interface Handler {
  readonly route: BbsRoute;
  handle(board: Board, body: Body, traceId: string): Promise<BbsResult<Body>>;
}

const invalid = (complaints: Complaints) => err(bbsError('InvalidRequest', complaints.join(', ')));

const on = <Args, Value>(
  call: Call<Args, Value>,
  run: (board: Board, args: Args, traceId: string) => Promise<BbsResult<Value>>,
): Handler => ({
  route: call.route,
  async handle(board, body, traceId) {
    const args: Result<Args, Complaints> = call.parse(body);
    if (!args.ok) return invalid(args.error);
    const result = await run(board, args.value, traceId);
    return result.ok ? ok(call.reply(result.value)) : result;
  },
});

export const HANDLERS: readonly Handler[] = [
  on(desired.desireLrp, (board, lrp, traceId) => board.desireLrp(lrp, traceId)),
  on(desired.updateDesiredLrp, (board, { processGuid, update }, traceId) =>
    board.updateDesiredLrp(processGuid, update, traceId),
  ),
  on(desired.removeDesiredLrp, (board, { processGuid }, traceId) =>
    board.removeDesiredLrp(processGuid, traceId),
  ),
  on(desired.desiredLrps, (board, filter) => board.desiredLrps(filter)),
  on(desired.desiredLrp, (board, { processGuid }) => board.desiredLrp(processGuid)),
  on(desired.upsertDomain, (board, { domain, ttlSeconds }, traceId) =>
    board.upsertDomain(domain, ttlSeconds, traceId),
  ),
  on(desired.domains, (board) => board.domains()),

  on(actual.actualLrps, (board, filter) => board.actualLrps(filter)),
  on(actual.claimActualLrp, (board, request, traceId) => board.claimActualLrp(request, traceId)),
  on(actual.startActualLrp, (board, request, traceId) => board.startActualLrp(request, traceId)),
  on(actual.crashActualLrp, (board, request, traceId) => board.crashActualLrp(request, traceId)),
  on(actual.failActualLrp, (board, { key, placementError }, traceId) =>
    board.failActualLrp(key, placementError, traceId),
  ),
  on(actual.removeActualLrp, (board, request, traceId) => board.removeActualLrp(request, traceId)),
  on(actual.retireActualLrp, (board, key, traceId) => board.retireActualLrp(key, traceId)),

  on(tasks.desireTask, (board, request, traceId) => board.desireTask(request, traceId)),
  on(tasks.tasks, (board, filter) => board.tasks(filter)),
  on(tasks.task, (board, { taskGuid }) => board.task(taskGuid)),
  on(tasks.startTask, (board, { taskGuid, cellId }, traceId) => board.startTask(taskGuid, cellId, traceId)),
  on(tasks.completeTask, (board, completion, traceId) => board.completeTask(completion, traceId)),
  on(tasks.rejectTask, (board, { taskGuid, reason, of }, traceId) =>
    board.rejectTask(taskGuid, reason, traceId, of),
  ),
  on(tasks.cancelTask, (board, { taskGuid }, traceId) => board.cancelTask(taskGuid, traceId)),
  on(tasks.resolvingTask, (board, { taskGuid }, traceId) => board.resolvingTask(taskGuid, traceId)),
  on(tasks.deleteTask, (board, { taskGuid }, traceId) => board.deleteTask(taskGuid, traceId)),

  on(coordination.ping, async (board) => ok(await board.ping())),
  on(coordination.cells, (board) => board.cells()),
  on(coordination.acquireLease, (board, request) => board.acquireLease(request)),
  on(coordination.renewLease, (board, request) => board.renewLease(request)),
  on(coordination.releaseLease, (board, { name, owner }) => board.releaseLease(name, owner)),
  on(coordination.leases, (board, { prefix }) => board.leases(prefix)),
  on(coordination.kvGet, (board, { key }) => board.kvGet(key)),
  on(coordination.kvPut, (board, entry) => board.kvPut(entry)),
];
