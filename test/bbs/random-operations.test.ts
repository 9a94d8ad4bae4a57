import fc from 'fast-check';
import t from 'tap';
import type { BbsEvent } from '../../common/model/events.js';
import type { ActualLrp, ActualLrpInstanceKey, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { actualLrpRowKey } from '../../bbs/core/rows.js';
import { desiredLrp, must, openBoard, presenceLease, startOf, taskDefinition } from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';

const PROCESSES = ['a', 'b'];
const TASKS = ['t', 'u'];
const CELLS = ['cell-1', 'cell-2', 'cell-3', 'cell-4'];

const LRP_KINDS = ['desire', 'update', 'remove-desired', 'claim', 'fail', 'remove', 'retire'] as const;
/** what matters most comes most often */
const FREQUENT = ['start', 'start', 'start', 'crash', 'crash', 'crash', 'start-task', 'start-task'] as const;
const EVACUATIONS = ['claimed', 'running', 'stopped', 'crashed'] as const;
const EVACUATION_KINDS = [...EVACUATIONS, 'running', 'running', 'remove-evacuating'] as const;
const TASK_KINDS = [
  'desire-task',
  'complete',
  'reject',
  'fail-task',
  'cancel',
  'resolving',
  'delete',
] as const;
const WORLD_KINDS = ['release', 'time', 'long-time', 'failing-commit'] as const;
const KINDS = [...LRP_KINDS, ...FREQUENT, ...EVACUATION_KINDS, ...TASK_KINDS, ...WORLD_KINDS];

const at = fc.nat({ max: 7 });
const operationOf = (kinds: readonly (typeof KINDS)[number][], indices: number) =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    process: fc.constantFrom(...PROCESSES),
    task: fc.constantFrom(...TASKS),
    cell: fc.constantFrom(...CELLS),
    index: fc.nat({ max: indices - 1 }),
    number: at,
  });
type Operation = ReturnType<typeof operationOf> extends fc.Arbitrary<infer T> ? T : never;

/** Everything; and few slots, whose cells come, go and drain all the time. */
const MIXES = {
  everything: operationOf(KINDS, 3),
  'cells that vanish and drain': operationOf(
    ['desire', 'claim', 'start', 'start', 'release', 'release', 'crash', 'time', ...EVACUATION_KINDS],
    1,
  ),
};

interface World {
  test: TestBoard;
  /** task guids whose start said yes, and nothing took them back since */
  started: Map<string, string>;
  problems: string[];
}

/** A commit that was told to fail may be one of these; the cell tries again later. */
const renew = async (test: TestBoard, cellIds: readonly string[]): Promise<void> => {
  for (const cellId of cellIds) await test.board.acquireLease(presenceLease(cellId));
};

const PRESENCES = ['SUSPECT', 'EVACUATING', 'ORDINARY'] as const;

const rowAt = ({ test }: World, op: Operation, presence: ActualLrp['presence']): ActualLrp | undefined =>
  test.store.committed.actual_lrps.get(actualLrpRowKey({ ...slot(op), presence }));

/** Half of the reports come from an instance that a row names, as real ones do. */
const instanceFor = (world: World, op: Operation): ActualLrpInstanceKey => {
  const placed = PRESENCES.flatMap((presence) => rowAt(world, op, presence) ?? []).filter(
    (row) => row.cellId,
  );
  const row = op.number % 2 === 0 ? placed[(op.number / 2) % Math.max(1, placed.length)] : undefined;
  return row
    ? { instanceGuid: row.instanceGuid, cellId: row.cellId }
    : { instanceGuid: `i-${op.number}`, cellId: op.cell };
};

const slot = (op: Operation) => ({ processGuid: op.process, index: op.index });

const crash = async (world: World, op: Operation): Promise<void> => {
  const key = { ...slot(op), domain: 'apps' };
  const instanceKey = instanceFor(world, op);
  const row = world.test.store.committed.actual_lrps.get(actualLrpRowKey({ ...key, presence: 'ORDINARY' }));
  const result = await world.test.board.crashActualLrp({ key, instanceKey, reason: 'x' }, '');
  const after = world.test.store.committed.actual_lrps.get(actualLrpRowKey({ ...key, presence: 'ORDINARY' }));
  const ordinary =
    result.ok && row?.instanceGuid === instanceKey.instanceGuid && row.cellId === instanceKey.cellId;
  // another row: its cell was lost meanwhile, and what crashed was the suspect
  if (!ordinary || after?.modificationTag.epoch !== row.modificationTag.epoch) return;
  const counts = [1, row.crashCount + 1];
  if (!counts.includes(after.crashCount))
    world.problems.push(`crash count ${row.crashCount} → ${after.crashCount}`);
  const expected = after.crashCount < 3 ? 'UNCLAIMED' : 'CRASHED';
  if (after.state !== expected) world.problems.push(`${after.state} after ${after.crashCount} crashes`);
};

const rowsOf = (world: World, op: Operation, { instanceGuid, cellId }: ActualLrpInstanceKey): ActualLrp[] =>
  PRESENCES.flatMap((presence) => {
    const row = rowAt(world, op, presence);
    return row?.instanceGuid === instanceGuid && row.cellId === cellId ? [row] : [];
  });

/** What is kept is on the board, running, once; what is not kept is not. RECREATE makes no copies. */
const evacuate = async (world: World, op: Operation, kind: (typeof EVACUATIONS)[number]): Promise<void> => {
  const { board, store } = world.test;
  const instanceKey = instanceFor(world, op);
  const request = { ...startOf(instanceKey, { ...slot(op), domain: 'apps' }), reason: 'drained' };
  const recreates = store.committed.desired_lrps.get(op.process)?.updateStrategy === 'RECREATE';
  const before = rowAt(world, op, 'EVACUATING');
  const calls = {
    claimed: board.evacuateClaimedActualLrp,
    running: board.evacuateRunningActualLrp,
    stopped: board.evacuateStoppedActualLrp,
    crashed: board.evacuateCrashedActualLrp,
  };
  const result = await calls[kind](request, '');
  if (!result.ok) return;
  const left = rowsOf(world, op, instanceKey);
  const kept = left.length === 1 && left[0]?.state === 'RUNNING';
  if (result.value ? !kept : left.length > 0) {
    world.problems.push(`${kind} evacuated, keep ${result.value}: ${JSON.stringify(left)}`);
  }
  const after = rowAt(world, op, 'EVACUATING');
  if (recreates && after && after !== before) world.problems.push('RECREATE made a copy');
};

const startTask = async ({ test, started, problems }: World, op: Operation): Promise<void> => {
  const result = await test.board.startTask(op.task, op.cell, '');
  if (!result.ok || !result.value) return;
  if (started.has(op.task)) problems.push(`${op.task} started twice`);
  started.set(op.task, op.cell);
};

/** Whatever makes it possible for a task to be started (again). */
const giveBack = async (world: World, op: Operation, work: Promise<{ ok: boolean }>): Promise<void> => {
  if ((await work).ok) world.started.delete(op.task);
};

const desiredOf = (op: Operation): DesiredLrp =>
  desiredLrp({
    processGuid: op.process,
    instances: op.number % 4,
    updateStrategy: op.process === 'b' ? 'RECREATE' : 'ROLLING',
  });

const perform = async (world: World, op: Operation): Promise<unknown> => {
  const { test } = world;
  const { board, clock } = test;
  const key = { ...slot(op), domain: 'apps' };
  const instanceKey = instanceFor(world, op);
  const definition = taskDefinition();
  switch (op.kind) {
    case 'desire':
      return board.desireLrp(desiredOf(op), '');
    case 'update':
      return board.updateDesiredLrp(op.process, { instances: op.number % 4 }, '');
    case 'remove-desired':
      return board.removeDesiredLrp(op.process, '');
    case 'claim':
      return board.claimActualLrp({ key, instanceKey }, '');
    case 'start':
      return board.startActualLrp(startOf(instanceKey, key), '');
    case 'crash':
      return crash(world, op);
    case 'fail':
      return board.failActualLrp(key, 'no room', '');
    case 'remove':
      return board.removeActualLrp({ key, instanceKey }, '');
    case 'retire':
      return board.retireActualLrp(key, '');
    case 'claimed':
    case 'running':
    case 'stopped':
    case 'crashed':
      return evacuate(world, op, op.kind);
    case 'remove-evacuating':
      return board.removeEvacuatingActualLrp({ key, instanceKey }, '');
    case 'fail-task':
      return board.failTask(op.task, 'by hand', '');
    case 'release':
      return board.releaseLease(`cell/${op.cell}`, presenceLease(op.cell).owner);
    case 'time':
      await renew(
        test,
        CELLS.filter((_, cell) => op.number % (cell + 2) !== 0),
      );
      return clock.advance(4_000);
    case 'long-time':
      return clock.advance(op.number * 60_000);
    case 'failing-commit':
      return test.engine.faults.failCommits(1);
    case 'desire-task':
      return giveBack(world, op, board.desireTask({ taskGuid: op.task, domain: 'd', definition }, ''));
    case 'start-task':
      return startTask(world, op);
    case 'complete': {
      const outcome = { failed: false, failureReason: '', result: '' };
      return board.completeTask({ taskGuid: op.task, cellId: op.cell, ...outcome }, '');
    }
    case 'reject':
      return giveBack(world, op, board.rejectTask(op.task, 'no room', ''));
    case 'cancel':
      return board.cancelTask(op.task, '');
    case 'resolving':
      return board.resolvingTask(op.task, '');
    default:
      return board.deleteTask(op.task, '');
  }
};

/** The state as somebody has it who only hears events. */
const replay = (events: readonly BbsEvent[]) => {
  const rows = new Map<string, ActualLrp>();
  const tasks = new Map<string, Task>();
  for (const event of events) {
    switch (event.kind) {
      case 'actual_lrp_instance_created':
        rows.set(actualLrpRowKey(event.actualLrp), event.actualLrp);
        break;
      case 'actual_lrp_instance_changed':
        if (
          rows.get(actualLrpRowKey(event.before))?.modificationTag.epoch ===
          event.before.modificationTag.epoch
        ) {
          rows.delete(actualLrpRowKey(event.before));
        }
        rows.set(actualLrpRowKey(event.after), event.after);
        break;
      case 'actual_lrp_instance_removed': {
        // what was created in its place is told first and has the same key
        const now = rows.get(actualLrpRowKey(event.actualLrp));
        const { epoch, index } = event.actualLrp.modificationTag;
        if (now?.modificationTag.epoch === epoch && now.modificationTag.index === index) {
          rows.delete(actualLrpRowKey(event.actualLrp));
        }
        break;
      }
      case 'task_created':
        tasks.set(event.task.taskGuid, event.task);
        break;
      case 'task_changed':
        tasks.set(event.after.taskGuid, event.after);
        break;
      case 'task_removed':
        tasks.delete(event.task.taskGuid);
    }
  }
  return { rows, tasks };
};

/** Every row's tag begins at 0 with an epoch of its own, and rises by one with each change. */
const tagProblems = (events: readonly BbsEvent[]): string[] => {
  const last = new Map<string, number>();
  return events.flatMap((event) => {
    const row =
      event.kind === 'actual_lrp_instance_created'
        ? event.actualLrp
        : event.kind === 'actual_lrp_instance_changed'
          ? event.after
          : undefined;
    if (!row) return [];
    const { epoch, index } = row.modificationTag;
    const expected = (last.get(epoch) ?? -1) + 1;
    last.set(epoch, index);
    return index === expected ? [] : [`tag ${epoch} ${index}, expected ${expected}`];
  });
};

const rowProblems = (row: ActualLrp): string[] => {
  const placed = row.state === 'CLAIMED' || row.state === 'RUNNING';
  const problems = [];
  if (placed !== (row.cellId !== '')) problems.push(`${row.state} on cell "${row.cellId}"`);
  if (row.presence === 'EVACUATING' && row.state !== 'RUNNING') problems.push(`EVACUATING and ${row.state}`);
  if (row.presence === 'SUSPECT' && !placed) problems.push(`SUSPECT and ${row.state}`);
  if (row.state === 'CRASHED' && row.crashCount < 3) problems.push(`CRASHED after ${row.crashCount}`);
  return problems;
};

const check = ({ test, problems }: World): string[] => {
  const rows = [...test.store.committed.actual_lrps.entries()];
  const told = replay(test.events);
  const sorted = <T>(entries: Iterable<[string, T]>) =>
    JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
  return [
    ...problems,
    ...rows.flatMap(([, row]) => rowProblems(row)),
    ...tagProblems(test.events),
    ...(sorted(told.rows) === sorted(rows) ? [] : ['the events do not add up to the actual LRPs']),
    ...(sorted(told.tasks) === sorted(test.store.committed.tasks.entries()) ? [] : ['… nor to the tasks']),
  ];
};

/** With the cells there and time to converge every desired index has one row, and none beyond has. */
const settledProblems = async ({ test }: World): Promise<string[]> => {
  for (let round = 0; round < 12; round += 1) {
    await renew(test, CELLS);
    await test.clock.advance(5_000);
  }
  const { desired_lrps: desired, actual_lrps: rows } = test.store.committed;
  return PROCESSES.flatMap((guid) => {
    const wanted = desired.get(guid)?.instances ?? 0;
    const indices = [...rows.byIndex('process', guid)]
      .filter((row) => row.presence === 'ORDINARY')
      .map((row) => row.index);
    const missing = Array.from({ length: wanted }, (_, index) => index).filter(
      (index) => !indices.includes(index),
    );
    return missing.map((index) => `${guid} ${index} has no row`);
  });
};

for (const [name, operation] of Object.entries(MIXES)) {
  const title = `board - random operations (${name}), failing commits and time keep the state sound and told`;
  t.test(title, { timeout: 120_000 }, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 10, maxLength: 60, size: 'max' }),
        async (operations) => {
          const test = await openBoard();
          const world: World = { test, started: new Map(), problems: [] };
          try {
            must(await test.board.upsertDomain('apps', 0, ''));
            await test.renew(...CELLS);
            for (const op of operations) {
              await perform(world, op).catch((error: unknown) => world.problems.push(String(error)));
              const problems = check(world).filter((problem) => !problem.includes('STORE_FAILED'));
              if (problems.length > 0) throw new Error(`after ${op.kind}: ${problems.join('; ')}`);
            }
            const settled = await settledProblems(world);
            if (settled.length > 0) throw new Error(settled.join('; '));
          } finally {
            await test.close();
          }
        },
      ),
      { numRuns: 60 },
    );
    t.pass();
  });
}
