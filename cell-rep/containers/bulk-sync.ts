import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Cancel } from '../../common/ports/clock.js';
import { isTransient } from '../core/life-cycle.js';
import type { SyncPlan } from '../core/sync-plan.js';
import { planSync } from '../core/sync-plan.js';
import type { Cell } from './cell.js';
import type { CellContext } from './context.js';

export interface BulkSync {
  /** once; calling it again does nothing */
  start(): void;
  stop(): void;
  /** one round now; false when the BBS did not answer */
  run(): Promise<boolean>;
}

export interface BulkSyncOptions {
  context: CellContext;
  cell: Cell;
  everyMs: number;
  /** false: this is not the cell that the BBS means by this id, and its rows are another's */
  mayAct(): boolean;
}

/** ms until the next attempt when the BBS did not answer */
const AGAIN_MS = 2_000;

/** Diego's bulker: brings the BBS's picture of the cell and the cell together, at start and every 30 s. */
export const createBulkSync = ({ context, cell, everyMs, mayAct }: BulkSyncOptions): BulkSync => {
  const { bbs, cellId, clock, random } = context;
  const logger = context.logger.session('bulker');
  let timer: Cancel | undefined;
  let started = false;
  let stopped = false;

  const removeRow = async (row: ActualLrp, traceId: string): Promise<void> => {
    const { processGuid, index, domain, instanceGuid } = row;
    logger.info('removing-actual-lrp-without-container', { processGuid, index, instanceGuid });
    await bbs.removeActualLrp(
      { key: { processGuid, index, domain }, instanceKey: { instanceGuid, cellId } },
      traceId,
    );
  };

  const failTask = async ({ taskGuid }: Task, traceId: string): Promise<void> => {
    logger.info('completing-task-without-container', { taskGuid });
    const failureReason = 'task container does not exist';
    await bbs.completeTask({ taskGuid, cellId, failed: true, failureReason, result: '' }, traceId);
  };

  /** an instance without a row: told of if it is wanted, else stopped */
  const judgeLrp = async (guid: string): Promise<void> => {
    const container = cell.container(guid);
    if (container === undefined) return;
    const { processGuid, index } = container.identity;
    const desired = await bbs.desiredLrp(processGuid);
    if (!desired.ok && isTransient(desired.error)) return;
    if (desired.ok && index < desired.value.instances) return container.report();
    logger.info('stopping-unwanted-container', { processGuid, index, instanceGuid: guid });
    void container.stop('unwanted');
  };

  const judgeTask = async (guid: string): Promise<void> => {
    const task = await bbs.task(guid);
    if (!task.ok && isTransient(task.error)) return;
    if (task.ok && task.value.state === 'Running' && task.value.cellId === cellId) return;
    logger.info('stopping-unwanted-container', { taskGuid: guid });
    void cell.container(guid)?.stop('unwanted');
  };

  const carryOut = async (plan: SyncPlan, traceId: string): Promise<void> => {
    for (const guid of plan.reportLrps) cell.container(guid)?.report();
    await Promise.all([
      ...plan.removeRows.map((row) => removeRow(row, traceId)),
      ...plan.failTasks.map((task) => failTask(task, traceId)),
      ...plan.judgeLrps.map(judgeLrp),
      ...plan.judgeTasks.map(judgeTask),
    ]);
  };

  /** routes may have changed while nobody told us */
  const refreshRoutes = async (): Promise<void> => {
    const running = cell.containers().filter(({ identity }) => identity.kind === 'lrp');
    const processGuids = [...new Set(running.map(({ identity }) => identity.processGuid))];
    if (processGuids.length === 0) return;
    const desired = await bbs.desiredLrps({ processGuids });
    if (!desired.ok) return;
    const routes = new Map(desired.value.map((lrp) => [lrp.processGuid, lrp.routes]));
    for (const container of running) {
      const now = routes.get(container.identity.processGuid);
      if (now !== undefined) container.routesChanged(now);
    }
  };

  const run = async (): Promise<boolean> => {
    if (!mayAct()) return false;
    const traceId = random.uuid();
    const before = cell.known();
    const [rows, tasks] = await Promise.all([bbs.actualLrps({ cellId }), bbs.tasks({ cellId })]);
    if (!rows.ok || !tasks.ok || stopped) {
      logger.warn('failed-to-sync', { traceId });
      return false;
    }
    const plan = planSync({ cellId, before, now: cell.known(), rows: rows.value, tasks: tasks.value });
    await carryOut(plan, traceId);
    await refreshRoutes();
    logger.debug('sync-finished', { traceId, containers: before.length, rows: rows.value.length });
    return true;
  };

  const round = async (): Promise<void> => {
    const done = await run().catch((error: unknown) => {
      logger.error('sync-failed', { error });
      return false;
    });
    if (!stopped) timer = clock.after(done ? everyMs : AGAIN_MS, () => void round());
  };

  return {
    start() {
      if (!started) void round();
      started = true;
    },
    stop() {
      stopped = true;
      timer?.();
    },
    run,
  };
};
