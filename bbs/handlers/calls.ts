import type { BbsResult } from '../../common/model/bbs-error.js';
import { err, ok } from '../../common/model/result.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import type { Board } from '../controllers/board.js';
import { bbsError } from '../core/decision.js';
import { routingInfo, schedulingInfo } from '../core/desired-views.js';
import { desiredLrpV2, taskV2 } from '../core/downgrade.js';
import { groupsOf } from '../core/groups.js';
import * as actual from '../protocol/actual-lrps.js';
import * as coordination from '../protocol/coordination.js';
import * as desired from '../protocol/desired-lrps.js';
import * as tasks from '../protocol/tasks.js';
import { transitions } from '../protocol/transitions.js';
import type { Parsed } from '../protocol/transitions.js';
import type { TransitionAnswer } from '../client.js';
import { on, onRows } from './answer.js';
import type { Handler } from './answer.js';

const mapped = <T, U>(result: BbsResult<T>, to: (value: T) => U): BbsResult<U> =>
  result.ok ? ok(to(result.value)) : result;

const each =
  <T, U>(to: (one: T) => U) =>
  (list: readonly T[]): U[] =>
    list.map(to);

const ofProcesses = async (board: Board, guids: readonly string[]): Promise<BbsResult<ActualLrp[]>> => {
  const rows: ActualLrp[] = [];
  for (const processGuid of new Set(guids)) {
    if (processGuid === '') continue;
    const found = await board.actualLrps({ processGuid });
    if (!found.ok) return found;
    rows.push(...found.value);
  }
  return ok(rows);
};

const DESIRED: readonly Handler[] = [
  on(desired.desireLrp, (board, lrp, traceId) => board.desireLrp(lrp, traceId)),
  on(desired.updateDesiredLrp, (board, { processGuid, update }, traceId) =>
    board.updateDesiredLrp(processGuid, update, traceId),
  ),
  on(desired.removeDesiredLrp, (board, { processGuid }, traceId) =>
    board.removeDesiredLrp(processGuid, traceId),
  ),
  on(desired.desiredLrps, (board, filter) => board.desiredLrps(filter)),
  on(desired.desiredLrps_r2, async (board, filter) =>
    mapped(await board.desiredLrps(filter), each(desiredLrpV2)),
  ),
  on(desired.desiredLrp, (board, { processGuid }) => board.desiredLrp(processGuid)),
  on(desired.desiredLrp_r2, async (board, { processGuid }) =>
    mapped(await board.desiredLrp(processGuid), desiredLrpV2),
  ),
  on(desired.schedulingInfos, async (board, filter) =>
    mapped(await board.desiredLrps(filter), each(schedulingInfo)),
  ),
  on(desired.schedulingInfo, async (board, { processGuid }) =>
    mapped(await board.desiredLrp(processGuid), schedulingInfo),
  ),
  on(desired.routingInfos, async (board, filter) =>
    mapped(await board.desiredLrps(filter), each(routingInfo)),
  ),
  on(desired.upsertDomain, (board, { domain, ttlSeconds }, traceId) =>
    board.upsertDomain(domain, ttlSeconds, traceId),
  ),
  on(desired.domains, (board) => board.domains()),
];

const ACTUAL: readonly Handler[] = [
  onRows(actual.actualLrps, (board, filter) => board.actualLrpRows(filter)),
  on(actual.actualLrpsByProcessGuids, (board, { processGuids }) => ofProcesses(board, processGuids)),
  on(actual.actualLrpGroups, async (board, filter) => mapped(await board.actualLrps(filter), groupsOf)),
  on(actual.actualLrpGroupsOfProcess, async (board, filter) =>
    mapped(await board.actualLrps(filter), groupsOf),
  ),
  on(actual.actualLrpGroup, async (board, slot) => {
    const rows = await board.actualLrps(slot);
    if (!rows.ok) return rows;
    const [group] = groupsOf(rows.value);
    return group ? ok(group) : err(bbsError('ResourceNotFound'));
  }),
  on(actual.claimActualLrp, (board, request, traceId) => board.claimActualLrp(request, traceId)),
  on(actual.startActualLrp, (board, request, traceId) => board.startActualLrp(request, traceId)),
  on(actual.startActualLrp_r0, (board, request, traceId) => board.startActualLrp(request, traceId)),
  on(actual.crashActualLrp, (board, request, traceId) => board.crashActualLrp(request, traceId)),
  on(actual.failActualLrp, (board, { key, placementError }, traceId) =>
    board.failActualLrp(key, placementError, traceId),
  ),
  on(actual.removeActualLrp, (board, request, traceId) => board.removeActualLrp(request, traceId)),
  on(actual.retireActualLrp, (board, key, traceId) => board.retireActualLrp(key, traceId)),
];

const EVACUATION: readonly Handler[] = [
  on(actual.evacuateClaimedActualLrp, (board, request, traceId) =>
    board.evacuateClaimedActualLrp(request, traceId),
  ),
  on(actual.evacuateCrashedActualLrp, (board, request, traceId) =>
    board.evacuateCrashedActualLrp(request, traceId),
  ),
  on(actual.evacuateStoppedActualLrp, (board, request, traceId) =>
    board.evacuateStoppedActualLrp(request, traceId),
  ),
  on(actual.evacuateRunningActualLrp, (board, request, traceId) =>
    board.evacuateRunningActualLrp(request, traceId),
  ),
  on(actual.evacuateRunningActualLrp_r0, (board, request, traceId) =>
    board.evacuateRunningActualLrp(request, traceId),
  ),
  on(actual.removeEvacuatingActualLrp, (board, request, traceId) =>
    board.removeEvacuatingActualLrp(request, traceId),
  ),
];

const TASKS: readonly Handler[] = [
  on(tasks.desireTask, (board, request, traceId) => board.desireTask(request, traceId)),
  on(tasks.tasks, (board, filter) => board.tasks(filter)),
  on(tasks.tasks_r2, async (board, filter) => mapped(await board.tasks(filter), each(taskV2))),
  on(tasks.task, (board, { taskGuid }) => board.task(taskGuid)),
  on(tasks.task_r2, async (board, { taskGuid }) => mapped(await board.task(taskGuid), taskV2)),
  on(tasks.startTask, (board, { taskGuid, cellId }, traceId) => board.startTask(taskGuid, cellId, traceId)),
  on(tasks.completeTask, (board, completion, traceId) => board.completeTask(completion, traceId)),
  on(tasks.rejectTask, (board, { taskGuid, reason, of }, traceId) =>
    board.rejectTask(taskGuid, reason, traceId, of),
  ),
  on(tasks.failTask, (board, { taskGuid, reason }, traceId) => board.failTask(taskGuid, reason, traceId)),
  on(tasks.cancelTask, (board, { taskGuid }, traceId) => board.cancelTask(taskGuid, traceId)),
  on(tasks.resolvingTask, (board, { taskGuid }, traceId) => board.resolvingTask(taskGuid, traceId)),
  on(tasks.deleteTask, (board, { taskGuid }, traceId) => board.deleteTask(taskGuid, traceId)),
];

/** Runs those that are whole, and puts each answer where its transition was. */
const runWhole = async (
  board: Board,
  parsed: readonly Parsed[],
  traceId: string,
): Promise<BbsResult<BbsResult<TransitionAnswer>[]>> => {
  const whole = parsed.flatMap((one) => (one.ok ? [one.value] : []));
  const answers = await board.transitions(whole, traceId);
  if (!answers.ok) return answers;
  const left = answers.value.values();
  return ok(parsed.map((one) => (one.ok ? (left.next().value ?? err(bbsError('UnknownError'))) : one)));
};

const TRANSITIONS: readonly Handler[] = [on(transitions, runWhole)];

const COORDINATION: readonly Handler[] = [
  on(coordination.ping, async (board) => ok(await board.ping())),
  on(coordination.cells, (board) => board.cells()),
  on(coordination.acquireLease, (board, request) => board.acquireLease(request)),
  on(coordination.renewLease, (board, request) => board.renewLease(request)),
  on(coordination.releaseLease, (board, { name, owner }) => board.releaseLease(name, owner)),
  on(coordination.leases, (board, { prefix }) => board.leases(prefix)),
  on(coordination.kvGet, (board, { key }) => board.kvGet(key)),
  on(coordination.kvPut, (board, entry) => board.kvPut(entry)),
  on(coordination.history, (board, query) => board.history(query)),
];

/** Every call but the event streams. */
export const HANDLERS: readonly Handler[] = [
  ...DESIRED,
  ...ACTUAL,
  ...EVACUATION,
  ...TASKS,
  ...TRANSITIONS,
  ...COORDINATION,
];
