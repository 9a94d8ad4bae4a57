import type { ActualLrp } from '../../common/model/lrp.js';
import type { BbsConfig } from '../config.js';
import { convergeProcess, convergeSlots, reauctionRows } from '../core/convergence.js';
import type { Converged, World } from '../core/convergence.js';
import { decided } from '../core/decision.js';
import type { Context, Decided, Decision } from '../core/decision.js';
import { isFresh, pruneDomains } from '../core/domains.js';
import { actualLrpRowKey } from '../core/rows.js';
import type { Slot } from '../core/rows.js';
import { convergeTask, reauctionTask } from '../core/tasks.js';
import type { BbsMetrics } from '../metrics.js';
import { WAITING } from '../store/schema.js';
import type { BbsStore, PendingTables } from '../store/schema.js';
import type { Attention, Work } from './attention.js';
import type { Presence } from './presence.js';
import { processAt, slotAt, values } from './rows.js';
import type { Transactions } from './transactions.js';

export interface ConvergenceOptions {
  store: BbsStore;
  transactions: Transactions;
  presence: Pick<Presence, 'gone' | 'present' | 'lost'>;
  attention: Attention;
  config: BbsConfig;
  metrics: BbsMetrics;
}

/** How many rows were missing, and how many too many. */
export type Found = Pick<Converged, 'missing' | 'extra'>;

export const NOTHING_FOUND: Found = { missing: 0, extra: 0 };

export const sumFound = (a: Found, b: Found): Found => ({
  missing: a.missing + b.missing,
  extra: a.extra + b.extra,
});

const NS_PER_MS = 1e6;

const merged = <T>(value: T, decisions: readonly Decision<unknown>[]): Decided<T> =>
  decided(value, {
    changes: decisions.flatMap((one) => one.changes),
    events: decisions.flatMap((one) => one.events),
    effects: decisions.flatMap((one) => one.effects),
  });

/** Asked for every row and answered once per cell: nothing of it changes within a decision. */
const once = (ask: (cellId: string) => boolean): ((cellId: string) => boolean) => {
  const answers = new Map<string, boolean>();
  return (cellId) => {
    let answer = answers.get(cellId);
    if (answer === undefined) answers.set(cellId, (answer = ask(cellId)));
    return answer;
  };
};

const isRemoval = ({ changes }: Decision): boolean => changes.some((change) => 'remove' in change);

/** Rows by process, as work on their slots. */
const worksOf = (rows: Iterable<ActualLrp>): Work[] => {
  const indices = new Map<string, Set<number>>();
  for (const { processGuid, index } of rows) {
    const known = indices.get(processGuid);
    if (known) known.add(index);
    else indices.set(processGuid, new Set([index]));
  }
  return [...indices].map(([processGuid, set]) => ({ processGuid, indices: [...set] }));
};

const createLook = ({ presence, config }: ConvergenceOptions) => {
  const world = (tables: PendingTables, ctx: Context, staleMs: number): World => ({
    now: ctx.now,
    gone: once(presence.gone),
    present: once(presence.present),
    fresh: (domain) => isFresh(tables.domains.get(domain), ctx.steadyNow),
    stale: staleMs * NS_PER_MS,
  });

  const taskWorld = (ctx: Context) => ({
    now: ctx.now,
    lost: presence.lost,
    kick: config.kickTaskMs * NS_PER_MS,
    expireCompleted: config.expireCompletedTaskMs * NS_PER_MS,
    expirePending: config.expirePendingTaskMs * NS_PER_MS,
  });

  return { world, taskWorld };
};

const slotsAt = function* (tables: PendingTables, { processGuid, indices }: Required<Work>) {
  for (const index of indices) yield [index, slotAt(tables, { processGuid, index })] as [number, Slot];
};

const convergeWork = (work: Work, at: { tables: PendingTables; world: World; ctx: Context }) => {
  const { tables, world, ctx } = at;
  const { processGuid, indices } = work;
  if (!indices) return convergeProcess(processAt(tables, processGuid), world, ctx);
  const desired = tables.desired_lrps.get(processGuid);
  return convergeSlots({ desired, slots: slotsAt(tables, { processGuid, indices }) }, world, ctx);
};

/** The single steps of convergence; each is one commit. */
export const createConvergence = (options: ConvergenceOptions) => {
  const { store, transactions, presence, attention, metrics } = options;
  const { committed } = store;
  const { world, taskWorld } = createLook(options);

  const convergeOneTask = (tables: PendingTables, guid: string, ctx: Context): Decision | [] => {
    const task = tables.tasks.get(guid);
    // it runs, on a cell that is there: the cell's loss is told
    if (task?.state === 'Running' && presence.present(task.cellId)) return [];
    if (task) attention.markTask(guid);
    return (task && convergeTask(task, taskWorld(ctx), ctx)) ?? [];
  };

  return {
    /** what is on these cells */
    on: (cellIds: readonly string[]): Work[] =>
      worksOf(cellIds.flatMap((cell) => [...committed.actual_lrps.byIndex('cell', cell)])),
    tasksOn: (cellIds: readonly string[]): string[] =>
      cellIds.flatMap((cell) => [...committed.tasks.byIndex('cell', cell)].map((task) => task.taskGuid)),
    /** what waits for a place */
    unplaced: (): Work[] => worksOf(committed.actual_lrps.byIndex('unplaced', WAITING)),
    unplacedTasks: (): string[] =>
      [...committed.tasks.byIndex('unplaced', WAITING)].map((task) => task.taskGuid),

    domains: (traceId: string) =>
      transactions.run('converge-domains', traceId, (tables, ctx) =>
        decided(undefined, { changes: pruneDomains(values(tables.domains), ctx.steadyNow) }),
      ),
    /** resolves with what was found wrong; nothing when it could not be mended */
    async slots(traceId: string, works: readonly Work[], staleMs: number): Promise<Found> {
      const result = await transactions.run('converge-lrps', traceId, (tables, ctx) => {
        const at = { tables, world: world(tables, ctx, staleMs), ctx };
        const made = works.map((work) => convergeWork(work, at));
        works.forEach(attention.unmark);
        works.forEach(({ processGuid }, nth) =>
          attention.mark({ processGuid, indices: made[nth]?.value.open ?? [] }),
        );
        return merged(made.map(({ value }) => value).reduce<Found>(sumFound, NOTHING_FOUND), made);
      });
      if (result.ok) return result.value;
      works.forEach(attention.mark);
      return NOTHING_FOUND;
    },
    async tasks(traceId: string, guids: readonly string[]): Promise<void> {
      const result = await transactions.run('converge-tasks', traceId, (tables, ctx) => {
        guids.forEach(attention.unmarkTask);
        const moved = guids.flatMap((guid) => convergeOneTask(tables, guid, ctx));
        const pruned = moved.filter(isRemoval).length;
        return merged({ pruned, kicked: moved.length - pruned }, moved);
      });
      if (result.ok) metrics.tasksConverged(result.value);
      else guids.forEach(attention.markTask);
    },
    /** asks again for what has no place */
    reauction: (traceId: string, works: readonly Work[]) =>
      transactions.run('reauction', traceId, (tables) => {
        const rows = ({ processGuid, indices = [] }: Work): ActualLrp[] =>
          indices.flatMap((index) => {
            const key = actualLrpRowKey({ processGuid, index, presence: 'ORDINARY' });
            return tables.actual_lrps.get(key) ?? [];
          });
        const asked = works.map((work) =>
          reauctionRows({ desired: tables.desired_lrps.get(work.processGuid), rows: rows(work) }),
        );
        return merged(undefined, asked);
      }),
    /** … which costs no task a retry */
    reauctionTasks: (traceId: string, guids: readonly string[]) =>
      transactions.run('reauction', traceId, (tables) =>
        merged(undefined, guids.flatMap((guid) => tables.tasks.get(guid) ?? []).map(reauctionTask)),
      ),
  };
};

export type Convergence = ReturnType<typeof createConvergence>;
