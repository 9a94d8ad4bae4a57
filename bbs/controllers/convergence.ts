import type { ActualLrp } from '../../common/model/lrp.js';
import type { Clock } from '../../common/ports/clock.js';
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
  clock: Pick<Clock, 'monotonic'>;
  config: BbsConfig;
  metrics: BbsMetrics;
}

/** How many rows were missing, and how many too many. */
export type Found = Pick<Converged, 'missing' | 'extra'>;

export interface Looked {
  found: Found;
  /** of those that were to be looked at */
  done: number;
}

export const NOTHING_FOUND: Found = { missing: 0, extra: 0 };

export const sumFound = (a: Found, b: Found): Found => ({
  missing: a.missing + b.missing,
  extra: a.extra + b.extra,
});

const NS_PER_MS = 1e6;

/** ms of one turn that are spent on decisions */
export const TURN_MS = 3;

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

/** At least one, and no more once the turn has become long: what follows from them, and storing it, takes as long again. */
const inTurn = <T, R>(clock: Pick<Clock, 'monotonic'>, items: readonly T[], run: (item: T) => R): R[] => {
  const until = clock.monotonic() + TURN_MS;
  const made: R[] = [];
  for (const item of items) {
    made.push(run(item));
    if (clock.monotonic() >= until) break;
  }
  return made;
};

/** Where there is something to look at, by what rows are found by. */
const createWhereabouts = ({ store, presence }: Pick<ConvergenceOptions, 'store' | 'presence'>) => {
  const { actual_lrps, tasks } = store.committed;
  const on = (cellIds: readonly string[]): Work[] =>
    worksOf(cellIds.flatMap((cell) => [...actual_lrps.byIndex('cell', cell)]));
  return {
    /** what is on these cells */
    on,
    tasksOn: (cellIds: readonly string[]): string[] =>
      cellIds.flatMap((cell) => [...tasks.byIndex('cell', cell)].map((task) => task.taskGuid)),
    /** what is on cells that are gone, whoever has told of that: few but what has no replacement yet */
    onGone: (): Work[] => on([...actual_lrps.indexed('cell')].filter(presence.gone)),
    /** what waits for a place */
    unplaced: (): Work[] => worksOf(actual_lrps.byIndex('unplaced', WAITING)),
    unplacedTasks: (): string[] => [...tasks.byIndex('unplaced', WAITING)].map((task) => task.taskGuid),
  };
};

/** The single steps of convergence; each is one commit. */
export const createConvergence = (options: ConvergenceOptions) => {
  const { transactions, presence, attention, metrics, clock } = options;
  const { world, taskWorld } = createLook(options);

  const convergeOneTask = (tables: PendingTables, guid: string, ctx: Context): Decision | [] => {
    const task = tables.tasks.get(guid);
    // it runs, on a cell that is there: the cell's loss is told
    if (task?.state === 'Running' && presence.present(task.cellId)) return [];
    if (task) attention.markTask(guid);
    return (task && convergeTask(task, taskWorld(ctx), ctx)) ?? [];
  };

  return {
    ...createWhereabouts(options),

    domains: (traceId: string) =>
      transactions.run('converge-domains', traceId, (tables, ctx) =>
        decided(undefined, { changes: pruneDomains(values(tables.domains), ctx.steadyNow) }),
      ),
    /**
     * As many as one turn can bear. Resolves with how many these were, and with what was found wrong: nothing when it
     * could not be mended.
     */
    async slots(traceId: string, works: readonly Work[], staleMs: number): Promise<Looked> {
      let looked: readonly Work[] = works;
      const result = await transactions.run('converge-lrps', traceId, (tables, ctx) => {
        const at = { tables, world: world(tables, ctx, staleMs), ctx };
        const made = inTurn(clock, works, (work) => convergeWork(work, at));
        looked = works.slice(0, made.length);
        looked.forEach(attention.unmark);
        looked.forEach(({ processGuid }, nth) =>
          attention.mark({ processGuid, indices: made[nth]?.value.open ?? [] }),
        );
        return merged(made.map(({ value }) => value).reduce<Found>(sumFound, NOTHING_FOUND), made);
      });
      if (result.ok) return { found: result.value, done: looked.length };
      looked.forEach(attention.mark);
      return { found: NOTHING_FOUND, done: looked.length };
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
