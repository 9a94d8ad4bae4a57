import t from 'tap';
import type { Task, TaskState } from '../../../common/model/task.js';
import {
  cancelTask,
  completeTask,
  convergeTask,
  deleteTask,
  deliveredTask,
  desireTask,
  failTask,
  reauctionTask,
  rejectTask,
  resolvingTask,
  startTask,
} from '../../../bbs/core/tasks.js';
import type { TaskWorld } from '../../../bbs/core/tasks.js';
import type { Decided, Decision } from '../../../bbs/core/decision.js';
import {
  context,
  effects,
  errorType,
  kinds,
  must,
  NOW,
  SECOND,
  task,
  taskDefinition,
} from '../../support/bbs.js';

const after = (made: Decision<unknown>): Task | undefined => {
  const change = made.changes.find((one) => one.table === 'tasks');
  return change && 'put' in change ? (change.put as Task) : undefined;
};

const message = (decided: Decided<unknown>): string => (decided.ok ? '' : decided.error.message);
const running = (overrides: Partial<Task> = {}): Task =>
  task({ state: 'Running', cellId: 'cell-1', ...overrides });
const completed = (overrides: Partial<Task> = {}): Task =>
  task({ state: 'Completed', firstCompletedAt: NOW - SECOND, updatedAt: NOW - SECOND, ...overrides });
const resolving = (overrides: Partial<Task> = {}): Task => completed({ state: 'Resolving', ...overrides });
const done = { cellId: 'cell-1', failed: false, failureReason: '', result: 'out' };
const rejection = { reason: 'no room', counted: true, maxRetries: 3 };

t.test('tasks - desire makes it pending, tells of it and asks for a place', async (t) => {
  const request = { taskGuid: 'task', domain: 'tasks', definition: taskDefinition() };
  const made = must(desireTask(undefined, request, context()));
  t.match(after(made), {
    taskGuid: 'task',
    state: 'Pending',
    createdAt: NOW,
    updatedAt: NOW,
    rejectionCount: 0,
  });
  t.same(kinds(made), ['task_created']);
  t.match(made.effects, [
    { kind: 'auction-task', counted: true, start: { placementId: 'task@0', memoryMb: 64 } },
  ]);
  t.equal(errorType(desireTask(task(), request, context())), 'ResourceExists');
});

t.test('tasks - start says once that the task is to be started', async (t) => {
  const made = must(startTask(task(), 'cell-1', context()));
  t.equal(made.value, true);
  t.match(after(made), { state: 'Running', cellId: 'cell-1', updatedAt: NOW });
  t.same(must(startTask(running(), 'cell-1', context())), {
    value: false,
    changes: [],
    events: [],
    effects: [],
  });
  for (const [other, from] of [
    [running(), 'Running'],
    [completed(), 'Completed'],
    [resolving(), 'Resolving'],
  ] as const) {
    const refused = startTask(other, 'cell-2', context());
    t.equal(errorType(refused), 'InvalidStateTransition');
    t.equal(message(refused), `Cannot transition from ${from} to Running`);
  }
  t.equal(errorType(startTask(undefined, 'cell-1', context())), 'ResourceNotFound');
});

t.test('tasks - complete keeps outcome and result and gives up the cell', async (t) => {
  const made = must(completeTask(running(), done, context()));
  t.match(after(made), {
    state: 'Completed',
    cellId: '',
    failed: false,
    result: 'out',
    firstCompletedAt: NOW,
  });
  t.same(kinds(made), ['task_changed']);
  const failed = must(
    completeTask(running(), { ...done, failed: true, failureReason: 'x'.repeat(2000) }, context()),
  );
  t.equal(after(failed)?.failureReason.length, 1024);
});

t.test('tasks - complete is refused from another cell and in any other state', async (t) => {
  const elsewhere = completeTask(running(), { ...done, cellId: 'cell-2' }, context());
  t.equal(errorType(elsewhere), 'RunningOnDifferentCell');
  t.equal(message(elsewhere), 'Running on cell cell-1 not cell-2');
  for (const other of [task(), completed(), resolving()]) {
    t.equal(
      message(completeTask(other, done, context())),
      `Cannot transition from ${other.state} to Completed`,
    );
  }
  t.equal(errorType(completeTask(undefined, done, context())), 'ResourceNotFound');
});

t.test('tasks - cancel fails it, and tells the cell if it had one', async (t) => {
  const pending = must(cancelTask(task(), context()));
  t.match(after(pending), {
    state: 'Completed',
    failed: true,
    failureReason: 'task was cancelled',
    cellId: '',
  });
  t.same(effects(pending), []);
  const ran = must(cancelTask(running(), context()));
  t.match(ran.effects, [{ kind: 'cancel', cellId: 'cell-1', taskGuid: 'task' }]);
  for (const other of [completed(), resolving()]) {
    t.equal(message(cancelTask(other, context())), `Cannot transition from ${other.state} to Completed`);
  }
});

t.test('tasks - fail ends what waits or runs, with the reason given', async (t) => {
  for (const row of [task(), running()]) {
    const made = must(failTask(row, { reason: 'by hand' }, context()));
    t.match(after(made), { state: 'Completed', failed: true, failureReason: 'by hand', cellId: '' });
    t.same(effects(made), [], 'the cell is not told');
  }
  for (const other of [completed(), resolving()]) {
    const refused = failTask(other, { reason: 'x' }, context());
    t.equal(message(refused), `Cannot transition from ${other.state} to Completed`);
  }
  t.equal(errorType(failTask(undefined, { reason: 'x' }, context())), 'ResourceNotFound');
});

t.test('tasks - the fourth rejection fails it', async (t) => {
  let current = task();
  for (const count of [1, 2, 3]) {
    current = after(must(rejectTask(current, rejection, context()))) ?? current;
    t.match(current, { state: 'Pending', rejectionCount: count, rejectionReason: 'no room' });
  }
  const made = must(rejectTask(current, rejection, context()));
  t.match(after(made), { state: 'Completed', failed: true, failureReason: 'no room' });
  t.match(made.events, [{ kind: 'task_changed', before: { state: 'Pending', rejectionCount: 3 } }]);
  const first = must(rejectTask(task(), { ...rejection, maxRetries: 0 }, context()));
  t.equal(after(first)?.state, 'Completed', 'without retries the first');
});

t.test(
  'tasks - a rejection that is not counted only keeps its reason; one by a cell that had started it counts',
  async (t) => {
    const uncounted = { ...rejection, counted: false };
    t.match(after(must(rejectTask(task({ rejectionCount: 3 }), uncounted, context()))), {
      state: 'Pending',
      rejectionCount: 3,
      rejectionReason: 'no room',
    });
    t.match(after(must(rejectTask(running(), uncounted, context()))), {
      state: 'Pending',
      rejectionCount: 1,
    });
  },
);

t.test('tasks - a rejection of another placement than the present one changes nothing', async (t) => {
  const named = (over: object) => ({ ...rejection, ...over });
  const first = task({ rejectionCount: 1 });
  const attempt = { placementId: 'task@1' };
  t.match(after(must(rejectTask(first, named(attempt), context()))), { rejectionCount: 2 });
  t.equal(
    errorType(rejectTask(first, named({ placementId: 'task@0' }), context())),
    'InvalidRequest',
    'told late',
  );
  const runs = running({ rejectionCount: 1 });
  const late = rejectTask(runs, named(attempt), context());
  t.equal(errorType(late), 'InvalidRequest', 'an auctioneer found no place for what runs by now');
  t.equal(errorType(rejectTask(runs, named({ ...attempt, cellId: 'cell-2' }), context())), 'InvalidRequest');
  const own = must(rejectTask(runs, named({ ...attempt, cellId: 'cell-1' }), context()));
  t.match(after(own), { state: 'Pending', rejectionCount: 2 });
});

t.test('tasks - reject is refused once it is over', async (t) => {
  for (const other of [completed(), resolving()]) {
    const refused = rejectTask(other, rejection, context());
    t.equal(errorType(refused), 'InvalidRequest');
    t.equal(message(refused), 'the request received is invalid');
  }
  t.equal(errorType(rejectTask(undefined, rejection, context())), 'ResourceNotFound');
});

t.test('tasks - completed, resolving, deleted, in this order only', async (t) => {
  t.match(after(must(resolvingTask(completed(), context()))), { state: 'Resolving', updatedAt: NOW });
  for (const other of [task(), running(), resolving()]) {
    t.equal(message(resolvingTask(other, context())), `Cannot transition from ${other.state} to Resolving`);
  }
  t.same(kinds(must(deleteTask(resolving(), context()))), ['task_removed']);
  for (const other of [task(), running(), completed()]) {
    t.equal(message(deleteTask(other, context())), `Cannot transition from ${other.state} to Resolving`);
  }
  t.equal(errorType(deleteTask(undefined, context())), 'ResourceNotFound');
});

const world = (overrides: Partial<TaskWorld> = {}): TaskWorld => ({
  now: NOW,
  lost: () => false,
  kick: 30 * SECOND,
  expireCompleted: 120 * SECOND,
  expirePending: 1800 * SECOND,
  ...overrides,
});

const converged = (row: Task, around = world()): Task | 'removed' | 'unchanged' => {
  const made = convergeTask(row, around, context());
  if (!made || made.changes.length === 0) return 'unchanged';
  return after(made) ?? 'removed';
};

t.test('task convergence - a pending task is asked for again, until its time is over', async (t) => {
  const waiting = convergeTask(task({ createdAt: NOW - 1800 * SECOND }), world(), context());
  t.match(waiting?.effects, [{ kind: 'auction-task', counted: true }]);
  t.match(converged(task({ createdAt: NOW - 1801 * SECOND })), {
    state: 'Completed',
    failed: true,
    failureReason: 'not started within time limit',
  });
});

t.test('task convergence - a running task fails with its cell, once', async (t) => {
  const lost = world({ lost: (cellId) => cellId === 'cell-1' });
  const failed = converged(running(), lost);
  t.match(failed, { state: 'Completed', failed: true, failureReason: 'cell disappeared before completion' });
  t.equal(converged(failed as Task, lost), 'unchanged');
  t.equal(converged(running({ cellId: 'cell-2' }), lost), 'unchanged');
});

t.test('task convergence - completed ones expire, resolving ones are demoted', async (t) => {
  t.equal(converged(completed({ firstCompletedAt: NOW - 120 * SECOND })), 'unchanged');
  t.equal(converged(completed({ firstCompletedAt: NOW - 121 * SECOND })), 'removed');
  t.equal(converged(resolving({ updatedAt: NOW - 30 * SECOND })), 'unchanged');
  t.match(converged(resolving({ updatedAt: NOW - 31 * SECOND })), { state: 'Completed' });
});

t.test(
  'tasks - with a callback: told when it has ended, and again while nobody has taken note',
  async (t) => {
    const url = { completionCallbackUrl: 'http://example.org/done' };
    const told = [{ kind: 'callback', taskGuid: 'task' }];
    t.same(must(completeTask(running(url), done, context())).effects, told);
    t.same(must(failTask(task(url), { reason: 'x' }, context())).effects, told);
    t.same(effects(must(cancelTask(running(url), context()))), ['callback', 'cancel']);
    t.same(must(rejectTask(task(url), { ...rejection, maxRetries: 0 }, context())).effects, told);
    t.same(must(rejectTask(task(url), rejection, context())).effects, [], 'it has not ended');
    const again = (updated: number, over = url) =>
      convergeTask(completed({ ...over, updatedAt: NOW - updated * SECOND }), world(), context())?.effects ??
      [];
    t.same(again(31), told);
    t.same(again(30), []);
    t.same(again(31, { completionCallbackUrl: '' }), []);
    const expired = task({ ...url, createdAt: NOW - 1801 * SECOND });
    t.same(convergeTask(expired, world(), context())?.effects, told);
  },
);

t.test('tasks - a callback that was answered ends that very task, demoted or not', async (t) => {
  for (const row of [resolving(), completed()]) {
    t.same(kinds(must(deliveredTask(row, row.createdAt, context()))), ['task_removed']);
    t.same(must(deliveredTask(row, row.createdAt + SECOND, context())).changes, [], 'one made later');
  }
  for (const row of [task(), running(), undefined]) {
    t.same(must(deliveredTask(row, NOW, context())).changes, []);
  }
});

t.test('tasks - room appeared: asked for again without cost', async (t) => {
  t.match(reauctionTask(task()).effects, [{ kind: 'auction-task', counted: false }]);
  const others: TaskState[] = ['Running', 'Completed', 'Resolving'];
  for (const state of others) t.same(reauctionTask(task({ state })).effects, []);
});
