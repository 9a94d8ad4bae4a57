import t from 'tap';
import { EXECUTOR_DEFAULTS } from '../../../mesos-bridge/core/executors.js';
import { executorIdOf, parseExecutorId } from '../../../mesos-bridge/core/executor-id.js';
import type { MesosBook } from '../../../mesos-bridge/core/book.js';
import type { ReleaseContext } from '../../../mesos-bridge/core/executors.js';
import { NO_RESOURCES } from '../../../mesos-bridge/core/resources.js';
import type { Acceptance } from '../../../mesos-bridge/core/take.js';
import { lrpWork } from '../../support/lrps.js';
import { bookWith, offer, status, take } from '../../support/mesos-book.js';

const CALM: ReleaseContext = { demandWaits: false, inFlight: new Set() };
const leaving = (book: MesosBook, now: number, over: Partial<ReleaseContext> = {}): string[] =>
  book.due(now, { ...CALM, ...over }).executors.leave.map(({ agentId }) => agentId);
const placeable = (book: MesosBook, now: number): string[] =>
  book
    .changes(0, now)
    .states.filter((state) => state.placeable)
    .map(({ cellId }) => cellId);

let works = 0;
const launchOn = (book: MesosBook, agentId: string, now = 0): Acceptance => {
  const index = (works += 1);
  return take(book, agentId, { lrps: [lrpWork({ index, placementId: `p-${index}` })] }, now).acceptance!;
};
const run = (book: MesosBook, { tasks: [task], agentId, executor }: Acceptance, now: number): void =>
  void book.status(status(task!, 'TASK_RUNNING', { agentId, executorId: executor.id }), now);
const finish = (book: MesosBook, { tasks: [task], agentId, executor }: Acceptance, now: number): void =>
  void book.status(status(task!, 'TASK_FINISHED', { agentId, executorId: executor.id }), now);
const reoffer = (book: MesosBook, agentId: string, ids: string[], now: number): void =>
  void book.offered([offer(agentId, {}, { executorIds: ids.map((value) => ({ value })) })], { now, wall: 0 });

t.test(
  '#10 an idle executor goes on the word of the bridge, after its time, and not while work waits',
  async (t) => {
    const book = bookWith([offer('a')]);
    const launched = launchOn(book, 'a');
    run(book, launched, 10);
    t.same(leaving(book, 100_000), [], 'it has a task');
    finish(book, launched, 100_000);
    t.same(leaving(book, 159_999), []);
    t.same(leaving(book, 160_000, { demandWaits: true }), []);
    t.same(leaving(book, 160_000, { inFlight: new Set(['a']) }), []);
    t.same(leaving(book, 160_000), ['a']);
    reoffer(book, 'a', [launched.executor.id], 160_001);
    t.same(placeable(book, 160_001), [], 'no work for one that is leaving');
    t.same(leaving(book, 189_999), []);
    t.same(leaving(book, 190_000), ['a'], 'told again while it is there');
    book.executorExited(launched.executor.id, 190_001);
    reoffer(book, 'a', [], 190_002);
    t.same(placeable(book, 190_002), ['mesos-a']);
    t.ok(launchOn(book, 'a', 190_003).executor.isNew);
  },
);

t.test('executors - a minimum of idle ones stays warm; the longest idle go first', async (t) => {
  const book = bookWith([offer('a'), offer('b'), offer('c')], {
    rest: { executors: { ...EXECUTOR_DEFAULTS, minimumWarm: 1 } },
  });
  for (const [at, agentId] of ['b', 'a', 'c'].entries()) {
    const launched = launchOn(book, agentId);
    run(book, launched, 1);
    finish(book, launched, 10 + at);
  }
  t.same(leaving(book, 70_000), ['b', 'a']);
});

t.test(
  '#39 an executor that is not heard of in time makes its agent rest, for longer each time',
  async (t) => {
    const book = bookWith([offer('a')]);
    const first = launchOn(book, 'a');
    t.same(leaving(book, 149_999), []);
    t.match(book.due(150_000, CALM).executors, { unheard: [{ agentId: 'a' }], leave: [{ agentId: 'a' }] });
    book.executorExited(first.executor.id, 150_100);
    reoffer(book, 'a', [], 150_150);
    t.match(
      book.bids(150_150),
      [{ rejection: { code: 'executor' } }],
      'what became of its task is not known yet',
    );
    const terminated = { source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_TERMINATED' } as const;
    book.status(status(first.tasks[0]!, 'TASK_FAILED', terminated), 150_160);
    t.equal(book.executors.restsUntil('a', 150_200), 155_000);
    reoffer(book, 'a', [], 150_200);
    t.same(placeable(book, 150_200), []);
    book.offers.wants(1, 155_000);
    reoffer(book, 'a', [], 155_000);
    t.same(placeable(book, 155_000), ['mesos-a']);
    const second = launchOn(book, 'a', 155_000);
    const failed = { source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT' } as const;
    t.match(book.status(status(second.tasks[0]!, 'TASK_FAILED', failed), 160_000), { meaning: 'lost' });
    t.equal(book.executors.restsUntil('a', 160_000), 170_000, 'twice as long');
    t.equal(book.executors.on('a'), undefined);
  },
);

t.test('#18 an executor that died is there no more, whatever comes late of it', async (t) => {
  const book = bookWith([offer('a')]);
  const launched = launchOn(book, 'a');
  run(book, launched, 10);
  book.executorExited(launched.executor.id, 20);
  t.equal(book.executors.on('a'), undefined);
  t.equal(book.executors.restsUntil('a', 20), undefined, 'it had started: no fault of the agent');
  run(book, launched, 21);
  book.executors.heard(launched.executor.id, 'a', 22);
  t.equal(book.executors.on('a'), undefined);
  const end = { source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_TERMINATED' } as const;
  t.match(book.status(status(launched.tasks[0]!, 'TASK_FAILED', end), 23), { meaning: 'lost' });
});

t.test(
  'executors - a launch that crosses the end of its executor makes it anew: never two on one agent',
  async (t) => {
    const book = bookWith([offer('a')]);
    const first = launchOn(book, 'a');
    run(book, first, 10);
    reoffer(book, 'a', [first.executor.id], 11);
    const crossed = launchOn(book, 'a', 12);
    t.equal(crossed.executor.isNew, false);
    book.executorExited(first.executor.id, 13);
    reoffer(book, 'a', [], 14);
    const end = { source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_TERMINATED' } as const;
    book.status(status(first.tasks[0]!, 'TASK_FAILED', end), 15);
    t.same(placeable(book, 15), [], 'what became of the other task is not known');
    run(book, crossed, 16);
    finish(book, crossed, 17);
    t.match(book.executors.on('a'), { id: first.executor.id, state: 'living' });
    reoffer(book, 'a', [first.executor.id], 18);
    t.equal(launchOn(book, 'a', 19).executor.isNew, false);
  },
);

t.test('executors - one whose agent never got a task that it is told to kill lives on', async (t) => {
  const book = bookWith([offer('a')]);
  const first = launchOn(book, 'a');
  run(book, first, 10);
  reoffer(book, 'a', [first.executor.id], 11);
  const lost = launchOn(book, 'a', 12);
  // src/slave/slave.cpp of Mesos, on KILL of a task that it does not know: no executor is named
  const unknown = {
    source: 'SOURCE_AGENT',
    reason: 'REASON_EXECUTOR_TERMINATED',
    message: 'Cannot find executor',
    agentId: 'a',
  } as const;
  t.match(book.status(status(lost.tasks[0]!, 'TASK_DROPPED', unknown), 13), { meaning: 'lost' });
  t.match(book.executors.on('a'), { id: first.executor.id, state: 'living' });
  finish(book, first, 20);
  t.same(leaving(book, 70_000), ['a'], 'and is released when it is idle');
});

t.test('#18 a lost agent takes its executors and offers with it; what is back is what it was', async (t) => {
  const book = bookWith([offer('a')]);
  const launched = launchOn(book, 'a');
  run(book, launched, 10);
  t.match(book.agentFailed('a', 20), [{ id: launched.tasks[0]!.id }]);
  t.equal(book.executors.on('a'), undefined);
  const [task] = launched.tasks;
  const byMaster = {
    source: 'SOURCE_MASTER',
    uuid: '',
    executorId: launched.executor.id,
    agentId: 'a',
  } as const;
  book.status(status(task!, 'TASK_UNREACHABLE', { ...byMaster, reason: 'REASON_AGENT_REMOVED' }), 21);
  t.equal(book.executors.on('a'), undefined);
  book.status(status(task!, 'TASK_RUNNING', { ...byMaster, reason: 'REASON_AGENT_REREGISTERED' }), 29);
  t.match(book.executors.on('a'), { state: 'living', resources: launched.executor.resources });
  book.agentFailed('a', 29);
  reoffer(book, 'a', [launched.executor.id], 30);
  t.match(book.executors.on('a'), { state: 'living', resources: launched.executor.resources });
  t.equal(launchOn(book, 'a', 40).executor.isNew, false);
});

t.test('#38 an executor whose configuration is not known takes no work until it is told', async (t) => {
  const book = bookWith([]);
  const id = executorIdOf({ version: 'v0', life: 'x' });
  reoffer(book, 'a', [id], 1);
  t.same(placeable(book, 1), []);
  t.same(statesOf(book), ['unknown']);
  book.executors.heard(id, 'a', 2, { resources: NO_RESOURCES, role: 'outcry' });
  reoffer(book, 'a', [id], 3);
  t.same(placeable(book, 3), ['mesos-a']);
  t.match(launchOn(book, 'a', 4).executor, { id, isNew: false });
  reoffer(book, 'a', [], 5);
  t.equal(book.executors.on('a'), undefined, 'a new offer that does not name it tells that it has gone');
});

const statesOf = (book: MesosBook): string[] => [...book.executors.all()].map(({ state }) => state);

t.test('executors - a launch that was refused as a whole leaves none behind, and no rest', async (t) => {
  const book = bookWith([offer('a')]);
  const launched = launchOn(book, 'a');
  const error = { source: 'SOURCE_MASTER', reason: 'REASON_TASK_INVALID', uuid: '' } as const;
  t.match(book.status(status(launched.tasks[0]!, 'TASK_ERROR', error), 1), { meaning: 'refused' });
  t.equal(book.executors.on('a'), undefined);
  t.equal(book.executors.restsUntil('a', 1), undefined);
});

t.test('executor id - fresh per life, with the version of its configuration', async (t) => {
  t.equal(executorIdOf({ version: 'ab12', life: '7' }), 'outcry.ab12.7');
  t.same(parseExecutorId('outcry.ab12.7'), { version: 'ab12', life: '7' });
  t.equal(parseExecutorId('diego-executor'), undefined);
  t.throws(() => executorIdOf({ version: 'a.b', life: '' }));
});
