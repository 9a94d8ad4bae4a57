import t from 'tap';
import type { Meaning } from '../../../mesos-bridge/core/meaning.js';
import { NO_RESOURCES } from '../../../mesos-bridge/core/resources.js';
import type { TaskState, TaskStatus } from '../../../mesos-bridge/core/task-status.js';
import { TASK_STATES, readStatus } from '../../../mesos-bridge/core/task-status.js';
import type { TaskBook } from '../../../mesos-bridge/core/tasks.js';
import { createTaskBook } from '../../../mesos-bridge/core/tasks.js';
import { TASK_WATCH_DEFAULTS } from '../../../mesos-bridge/core/task-watch.js';
import { status } from '../../support/mesos-book.js';

const LRP = 'lrp.one.0.app';
const TASK = 'task.try.job';

const bookOf = (): TaskBook => createTaskBook({ ...TASK_WATCH_DEFAULTS, mostEnded: 100 });
const launch = (book: TaskBook, id: string, now = 0): void =>
  book.launched(
    {
      id,
      identity:
        id === TASK
          ? { kind: 'task', attemptGuid: 'try', taskGuid: 'job' }
          : { kind: 'lrp', instanceGuid: id.split('.')[1]!, index: 0, processGuid: 'app' },
      agentId: 'a',
      executorId: 'e',
      placementId: `p-${id}`,
      resources: NO_RESOURCES,
    },
    now,
  );
const of = (id: string, state: TaskState, over: Partial<TaskStatus> = {}): TaskStatus =>
  status({ id }, state, over);
const byAgent = (reason: string): Partial<TaskStatus> => ({
  source: 'SOURCE_AGENT',
  reason: `REASON_${reason}`,
});
const byMaster = (reason: string): Partial<TaskStatus> => ({
  source: 'SOURCE_MASTER',
  reason: `REASON_${reason}`,
  uuid: '',
});

interface Case {
  state: TaskState;
  by: Partial<TaskStatus>;
  /** what it means for: an LRP that has not started, one that has, a task that has not, one that has */
  means: [Meaning, Meaning, Meaning, Meaning];
}

const EXECUTOR = {};
const CASES: Case[] = [
  {
    state: 'TASK_STAGING',
    by: byMaster('RECONCILIATION'),
    means: ['nothing', 'nothing', 'nothing', 'nothing'],
  },
  { state: 'TASK_STARTING', by: EXECUTOR, means: ['nothing', 'nothing', 'nothing', 'nothing'] },
  { state: 'TASK_RUNNING', by: EXECUTOR, means: ['nothing', 'nothing', 'nothing', 'nothing'] },
  { state: 'TASK_KILLING', by: EXECUTOR, means: ['nothing', 'nothing', 'nothing', 'nothing'] },
  { state: 'TASK_FINISHED', by: EXECUTOR, means: ['nothing', 'nothing', 'nothing', 'nothing'] },
  { state: 'TASK_FAILED', by: EXECUTOR, means: ['lost', 'nothing', 'lost', 'nothing'] },
  { state: 'TASK_KILLED', by: EXECUTOR, means: ['lost', 'nothing', 'lost', 'nothing'] },
  { state: 'TASK_DROPPED', by: EXECUTOR, means: ['lost', 'lost', 'lost', 'lost'] },
  { state: 'TASK_FAILED', by: byAgent('EXECUTOR_TERMINATED'), means: ['lost', 'lost', 'lost', 'failed'] },
  {
    state: 'TASK_FAILED',
    by: byAgent('CONTAINER_LIMITATION_MEMORY'),
    means: ['lost', 'crashed', 'lost', 'failed'],
  },
  {
    state: 'TASK_FAILED',
    by: byAgent('CONTAINER_LIMITATION_DISK'),
    means: ['lost', 'crashed', 'lost', 'failed'],
  },
  { state: 'TASK_FAILED', by: byAgent('CONTAINER_LAUNCH_FAILED'), means: ['lost', 'lost', 'lost', 'lost'] },
  {
    state: 'TASK_FAILED',
    by: byAgent('EXECUTOR_REGISTRATION_TIMEOUT'),
    means: ['lost', 'lost', 'lost', 'lost'],
  },
  { state: 'TASK_FAILED', by: byAgent('A_REASON_OF_TOMORROW'), means: ['lost', 'lost', 'lost', 'failed'] },
  {
    state: 'TASK_FAILED',
    by: byMaster('RECONCILIATION'),
    means: ['nothing', 'nothing', 'nothing', 'nothing'],
  },
  { state: 'TASK_KILLED', by: byAgent('TASK_KILLED_DURING_LAUNCH'), means: ['lost', 'lost', 'lost', 'lost'] },
  { state: 'TASK_KILLED', by: byAgent('AGENT_DRAINING'), means: ['lost', 'lost', 'lost', 'failed'] },
  { state: 'TASK_ERROR', by: byMaster('TASK_INVALID'), means: ['refused', 'nothing', 'refused', 'nothing'] },
  { state: 'TASK_LOST', by: byMaster('AGENT_REMOVED'), means: ['lost', 'lost', 'lost', 'failed'] },
  { state: 'TASK_DROPPED', by: byMaster('INVALID_OFFERS'), means: ['lost', 'lost', 'lost', 'lost'] },
  { state: 'TASK_DROPPED', by: byAgent('RECONCILIATION'), means: ['lost', 'lost', 'lost', 'lost'] },
  {
    state: 'TASK_UNREACHABLE',
    by: byMaster('AGENT_REMOVED'),
    means: ['suspect', 'suspect', 'failed', 'failed'],
  },
  {
    state: 'TASK_GONE',
    by: byAgent('EXECUTOR_REREGISTRATION_TIMEOUT'),
    means: ['lost', 'lost', 'lost', 'failed'],
  },
  { state: 'TASK_GONE', by: byMaster('RECONCILIATION'), means: ['lost', 'lost', 'lost', 'failed'] },
  {
    state: 'TASK_GONE_BY_OPERATOR',
    by: byMaster('AGENT_REMOVED_BY_OPERATOR'),
    means: ['lost', 'lost', 'lost', 'failed'],
  },
  {
    state: 'TASK_UNKNOWN',
    by: byMaster('RECONCILIATION'),
    means: ['nothing', 'nothing', 'nothing', 'nothing'],
  },
];

const meaning = (id: string, started: boolean, { state, by }: Case): Meaning => {
  const book = bookOf();
  launch(book, id);
  if (started) book.update(of(id, 'TASK_RUNNING'), 1);
  return book.update(of(id, state, by), 2).meaning;
};

t.test('#19 #42 every state and reason means something to the BBS', async (t) => {
  t.same([...new Set(CASES.map(({ state }) => state))].toSorted(), [...TASK_STATES].toSorted());
  for (const one of CASES) {
    const means = [LRP, TASK].flatMap((id) => [false, true].map((started) => meaning(id, started, one)));
    t.same(means, one.means, `${one.state} ${one.by.source ?? 'SOURCE_EXECUTOR'} ${one.by.reason ?? ''}`);
  }
});

t.test(
  'tasks - an update is acknowledged exactly when it has a uuid, after the BBS has answered',
  async (t) => {
    const book = bookOf();
    launch(book, LRP);
    const running = of(LRP, 'TASK_RUNNING', { uuid: 'aa' });
    t.match(book.update(running, 1), { acknowledge: true, pending: false });
    t.match(book.update(running, 2), { acknowledge: false, pending: true }, 'the BBS has not answered yet');
    book.settled(LRP, 'aa');
    t.match(
      book.update(running, 3),
      { acknowledge: true, pending: false, meaning: 'nothing' },
      'it was lost on the way',
    );
    t.match(book.update(of(LRP, 'TASK_RUNNING', byMaster('RECONCILIATION')), 4), {
      acknowledge: false,
      pending: false,
    });
    const end = of(LRP, 'TASK_FAILED', { ...byAgent('EXECUTOR_TERMINATED'), uuid: 'bb' });
    t.match(book.update(end, 5), { meaning: 'lost', ended: true, acknowledge: true });
    t.match(book.update(end, 6), { meaning: 'nothing', pending: true });
    book.unsettled(LRP, 'bb');
    t.match(book.update(end, 7), { meaning: 'lost', acknowledge: true, pending: false }, 'judged anew');
    t.match(book.update(end, 8), { meaning: 'nothing', pending: true });
    book.settled(LRP, 'bb');
    t.match(book.update(end, 9), { meaning: 'nothing', pending: false, acknowledge: true });
  },
);

t.test('tasks - a second end, and what comes after it, are acknowledged and mean nothing', async (t) => {
  const book = bookOf();
  launch(book, LRP);
  book.update(of(LRP, 'TASK_RUNNING'), 1);
  t.match(book.update(of(LRP, 'TASK_FINISHED'), 2), { ended: true, meaning: 'nothing' });
  t.equal(book.size(), 0);
  t.match(book.update(of(LRP, 'TASK_FAILED'), 3), { meaning: 'nothing', acknowledge: true, kill: false });
  t.match(book.update(of(LRP, 'TASK_GONE', byMaster('RECONCILIATION')), 4), {
    meaning: 'nothing',
    acknowledge: false,
  });
  t.match(
    book.update(of(LRP, 'TASK_RUNNING'), 5),
    { kill: true, acknowledge: true },
    'it has come back: it must not run',
  );
  t.equal(book.size(), 0);
});

t.test('#21 the refusal of a second launch under an id in use does not end the first', async (t) => {
  const book = bookOf();
  launch(book, LRP);
  book.update(of(LRP, 'TASK_RUNNING'), 1);
  t.match(book.update(of(LRP, 'TASK_ERROR', byMaster('TASK_INVALID')), 2), {
    meaning: 'nothing',
    ended: false,
  });
  t.match(book.get(LRP), { state: 'TASK_RUNNING' });
});

t.test('#16 unknown tasks: ours are adopted, foreign ones killed, ended ones told', async (t) => {
  const book = bookOf();
  const running = of(LRP, 'TASK_RUNNING', { agentId: 'a', executorId: 'e', ...byMaster('RECONCILIATION') });
  t.match(book.update(running, 1), {
    adopted: true,
    kill: false,
    task: { agentId: 'a', executorId: 'e', started: true },
  });
  t.equal(book.find('one')?.id, LRP);
  t.match(book.update(running, 2), { adopted: false });
  t.match(book.update(of('ct:1:0:job:', 'TASK_RUNNING'), 3), {
    kill: true,
    acknowledge: true,
    adopted: false,
  });
  t.match(book.update(of('ct:1:0:job:', 'TASK_FINISHED'), 4), { kill: false, acknowledge: true });
  t.match(book.update(of('lrp.two.0.app', 'TASK_FAILED', byAgent('EXECUTOR_TERMINATED')), 5), {
    meaning: 'lost',
    adopted: false,
  });
  t.match(book.update(of(TASK, 'TASK_FAILED', byAgent('EXECUTOR_TERMINATED')), 6), { meaning: 'failed' });
  t.equal(book.size(), 1);
});

t.test(
  'tasks - out of sight and back: an LRP is suspect; a task fails once and is killed when it is back',
  async (t) => {
    const book = bookOf();
    launch(book, LRP);
    launch(book, TASK);
    for (const id of [LRP, TASK]) book.update(of(id, 'TASK_RUNNING'), 1);
    const lost = byMaster('AGENT_REMOVED');
    t.match(book.update(of(LRP, 'TASK_UNREACHABLE', lost), 2), { meaning: 'suspect', ended: false });
    t.match(book.update(of(LRP, 'TASK_UNREACHABLE', lost), 3), { meaning: 'nothing' });
    t.match(book.update(of(TASK, 'TASK_UNREACHABLE', lost), 4), { meaning: 'failed' });
    t.match(book.update(of(TASK, 'TASK_UNREACHABLE', lost), 5), { meaning: 'nothing' }, 'it fails once');
    const back = byMaster('AGENT_REREGISTERED');
    t.match(book.update(of(LRP, 'TASK_RUNNING', back), 6), { meaning: 'back', kill: false });
    t.match(book.update(of(TASK, 'TASK_RUNNING', back), 7), { meaning: 'back', kill: true });
    t.match(book.update(of(LRP, 'TASK_UNREACHABLE', lost), 8), { meaning: 'suspect' });
    book.kill(LRP, 9);
    t.match(
      book.update(of(LRP, 'TASK_RUNNING', back), 10),
      { kill: true },
      'a KILL is not remembered for such agents',
    );
  },
);

t.test(
  '#20 a launch that nothing is heard of is asked about, again and again, and ended at last',
  async (t) => {
    const book = bookOf();
    launch(book, LRP);
    launch(book, TASK);
    book.update(of(TASK, 'TASK_STARTING'), 1);
    const asked: number[] = [];
    for (let now = 0; now < 300_000; now += 1_000) {
      const due = book.due(now);
      t.same(due.kill, []);
      if (due.reconcile.length > 0) asked.push(now);
      t.ok(due.reconcile.every(({ id }) => id === LRP));
    }
    t.same(asked, [15_000, 45_000, 105_000, 225_000]);
    t.match(book.due(300_000).kill, [{ id: LRP }]);
    t.same(book.due(329_999).kill, []);
    t.match(book.due(330_000).kill, [{ id: LRP }], 'until its end is heard');
    t.match(book.update(of(LRP, 'TASK_KILLED', byAgent('TASK_KILLED_DURING_LAUNCH')), 330_001), {
      meaning: 'lost',
    });
    t.same(book.due(400_000).kill, []);
  },
);

t.test('#44 a KILL is repeated until the task has ended, and its end means nothing new', async (t) => {
  const book = bookOf();
  launch(book, LRP);
  book.update(of(LRP, 'TASK_RUNNING'), 1);
  t.same(book.kill(LRP, 10), { taskId: LRP, agentId: 'a' });
  t.match(book.due(30_010).kill, [{ id: LRP }]);
  t.match(book.update(of(LRP, 'TASK_KILLED', byAgent('AGENT_DRAINING')), 30_011), {
    meaning: 'nothing',
    ended: true,
  });
  t.same(book.due(99_999).kill, []);
  t.equal(book.kill(LRP, 100_000), undefined);
});

t.test('tasks - a task that its master knows no more is gone when its agent has had its time', async (t) => {
  const book = bookOf();
  launch(book, LRP);
  book.update(of(LRP, 'TASK_RUNNING'), 1);
  book.update(of(LRP, 'TASK_UNKNOWN', byMaster('RECONCILIATION')), 10);
  book.update(of(LRP, 'TASK_UNKNOWN', byMaster('RECONCILIATION')), 500_000);
  t.same(book.due(600_009).lost, []);
  t.match(book.due(600_010).lost, [{ id: LRP }]);
  t.equal(book.size(), 0);
  t.match(book.update(of(LRP, 'TASK_RUNNING'), 600_011), { kill: true });
});

t.test(
  'tasks - ended ones are remembered to a bound, live ones by agent, executor, process and guid',
  async (t) => {
    const book = createTaskBook({ ...TASK_WATCH_DEFAULTS, mostEnded: 2 });
    for (const guid of ['a', 'b', 'c', 'd']) launch(book, `lrp.${guid}.0.app`);
    t.same([book.onAgent('a').length, book.countOf('e'), book.ofProcess('app').length], [4, 4, 4]);
    for (const guid of ['a', 'b', 'c']) book.update(of(`lrp.${guid}.0.app`, 'TASK_FINISHED'), 1);
    t.same([book.onAgent('a').length, book.countOf('e'), book.ofProcess('app').length], [1, 1, 1]);
    t.equal(book.find('a'), undefined);
    t.match(book.update(of('lrp.a.0.app', 'TASK_RUNNING'), 2), { adopted: true }, 'the oldest is forgotten');
    t.match(book.update(of('lrp.c.0.app', 'TASK_RUNNING'), 2), { adopted: false, kill: true });
  },
);

t.test('tasks - a status as it travels', async (t) => {
  t.same(
    readStatus({
      taskId: { value: 'x' },
      state: 'TASK_RUNNING',
      uuid: new Uint8Array([0, 171]),
      source: 'SOURCE_AGENT',
    }),
    {
      taskId: 'x',
      state: 'TASK_RUNNING',
      source: 'SOURCE_AGENT',
      reason: '',
      message: '',
      agentId: '',
      executorId: '',
      uuid: '00ab',
    },
  );
  t.equal(readStatus({ taskId: { value: 'x' }, state: 'TASK_OF_TOMORROW' }), undefined);
});
