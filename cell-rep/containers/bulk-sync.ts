import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { isTransient } from '../core/life-cycle.js';
import type { SyncPlan } from '../core/sync-plan.js';
import { planSync } from '../core/sync-plan.js';
import type { Cell } from './cell.js';
import type { CellContext } from './context.js';

export interface BulkSync {
  /** once; calling it again does nothing */
  start(): void;
  /** the tempo has changed: it holds for the next one already */
  retime(): void;
  stop(): void;
}

export interface BulkSyncOptions {
  context: CellContext;
  cell: Cell;
  /** ms between two; asked anew after each */
  everyMs(): number;
  /** false: this is not the cell that the BBS means by this id, and its rows are another's */
  mayAct(): boolean;
  /** whether the BBS answers: told after every attempt */
  onAnswer(yes: boolean): void;
}

type Outcome = 'failed' | 'unsettled' | 'settled';

/** ms until the next attempt when the BBS did not answer, or has yet to find the cell back */
const AGAIN_MS = 2_000;

interface Round extends BulkSyncOptions {
  readonly logger: Logger;
  readonly traceId: string;
}

const removeRow = async ({ context, logger, traceId }: Round, row: ActualLrp): Promise<void> => {
  const { bbs, cellId } = context;
  const { processGuid, index, domain, instanceGuid, presence } = row;
  logger.info('removing-actual-lrp-without-container', { processGuid, index, instanceGuid, presence });
  const transition = { key: { processGuid, index, domain }, instanceKey: { instanceGuid, cellId } };
  await (presence === 'EVACUATING'
    ? bbs.removeEvacuatingActualLrp(transition, traceId)
    : bbs.removeActualLrp(transition, traceId));
};

const failTask = async ({ context, logger, traceId }: Round, { taskGuid }: Task): Promise<void> => {
  logger.info('completing-task-without-container', { taskGuid });
  const failureReason = 'task container does not exist';
  const completion = { taskGuid, cellId: context.cellId, failed: true, failureReason, result: '' };
  await context.bbs.completeTask(completion, traceId);
};

/** An instance without a row: told of if it is wanted, else stopped. */
const judgeLrp = async ({ context, cell, logger }: Round, guid: string): Promise<void> => {
  const container = cell.container(guid);
  if (container === undefined) return;
  const { processGuid, index } = container.identity;
  const desired = await context.bbs.desiredLrp(processGuid);
  if (!desired.ok && isTransient(desired.error)) return;
  if (desired.ok && index < desired.value.instances) return container.report();
  logger.info('stopping-unwanted-container', { processGuid, index, instanceGuid: guid });
  void container.stop('unwanted');
};

const judgeTask = async ({ context, cell, logger }: Round, guid: string): Promise<void> => {
  const task = await context.bbs.task(guid);
  if (!task.ok && isTransient(task.error)) return;
  if (task.ok && task.value.state === 'Running' && task.value.cellId === context.cellId) return;
  logger.info('stopping-unwanted-container', { taskGuid: guid });
  void cell.container(guid)?.stop('unwanted');
};

const carryOut = async (round: Round, plan: SyncPlan): Promise<void> => {
  for (const guid of plan.reportLrps) round.cell.container(guid)?.report();
  await Promise.all([
    ...[...plan.removeRows, ...plan.removeEvacuating].map((row) => removeRow(round, row)),
    ...plan.failTasks.map((task) => failTask(round, task)),
    ...plan.judgeLrps.map((guid) => judgeLrp(round, guid)),
    ...plan.judgeTasks.map((guid) => judgeTask(round, guid)),
  ]);
};

/** Routes may have changed while nobody told us. */
const refreshRoutes = async ({ cell, context }: Round): Promise<void> => {
  const lrps = cell.containers().filter(({ identity }) => identity.kind === 'lrp');
  const processGuids = [...new Set(lrps.map(({ identity }) => identity.processGuid))];
  if (processGuids.length === 0) return;
  const desired = await context.bbs.desiredLrps({ processGuids });
  if (!desired.ok) return;
  const routes = new Map(desired.value.map((lrp) => [lrp.processGuid, lrp.routes]));
  for (const container of lrps) {
    const now = routes.get(container.identity.processGuid);
    if (now !== undefined) container.routesChanged(now);
  }
};

const syncOnce = async (round: Round): Promise<Outcome> => {
  const { cell, context, logger, traceId } = round;
  const { bbs, cellId } = context;
  const before = cell.known();
  const [rows, tasks] = await Promise.all([bbs.actualLrps({ cellId }), bbs.tasks({ cellId })]);
  if (!rows.ok || !tasks.ok) {
    logger.warn('failed-to-sync', { traceId });
    return 'failed';
  }
  const plan = planSync({
    cellId,
    before,
    now: cell.known(),
    rows: rows.value,
    tasks: tasks.value,
    evacuating: context.evacuating(),
  });
  await carryOut(round, plan);
  await refreshRoutes(round);
  logger.debug('sync-finished', { traceId, containers: before.length, rows: rows.value.length });
  return plan.unsettled ? 'unsettled' : 'settled';
};

/** Diego's bulker: brings the BBS's picture of the cell and the cell together, at start and every 30 s. */
export const createBulkSync = (options: BulkSyncOptions): BulkSync => {
  const { clock, random } = options.context;
  const logger = options.context.logger.session('bulker');
  let timer: Cancel | undefined;
  let started = false;
  let working = false;
  let stopped = false;

  const attempt = async (): Promise<Outcome> => {
    if (!options.mayAct()) return 'failed';
    const from = clock.monotonic();
    try {
      const outcome = await syncOnce({ ...options, logger, traceId: random.uuid() });
      const answered = outcome !== 'failed';
      options.onAnswer(answered);
      if (answered) options.context.metrics.bulkSynced(clock.monotonic() - from);
      return outcome;
    } catch (error) {
      logger.error('sync-failed', { error });
      return 'failed';
    }
  };

  const arm = (ms: number): void => {
    timer?.();
    timer = clock.after(ms, () => void round());
  };

  const round = async (): Promise<void> => {
    working = true;
    const outcome = await attempt();
    working = false;
    if (!stopped) arm(outcome === 'settled' ? options.everyMs() : AGAIN_MS);
  };

  return {
    start() {
      if (!started) void round();
      started = true;
    },
    retime() {
      if (started && !working && !stopped) arm(options.everyMs());
    },
    stop() {
      stopped = true;
      timer?.();
    },
  };
};
