import fc from 'fast-check';
import t from 'tap';
import { isToken } from '../../../common/model/ids.js';
import { agentIdOf, cellIdOf } from '../../../mesos-bridge/core/cell-id.js';
import type { TaskIdentity } from '../../../mesos-bridge/core/task-id.js';
import { guidOf, labelsOf, parseTaskId, taskIdOf } from '../../../mesos-bridge/core/task-id.js';

t.test('cell id - one token per agent, and back', async (t) => {
  t.equal(
    cellIdOf('3a2073f3-9bb0-4e9b-ad42-48e34053bc3c-S1'),
    'mesos-3a2073f3-9bb0-4e9b-ad42-48e34053bc3c-S1',
  );
  t.equal(cellIdOf('a.b_c'), 'mesos-a_002eb_005fc');
  t.equal(agentIdOf('cell-1'), undefined);
  t.equal(agentIdOf('mesos-a.b'), undefined);
  fc.assert(fc.property(fc.string(), (id) => isToken(cellIdOf(id)) && agentIdOf(cellIdOf(id)) === id));
});

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
const guid = fc.stringMatching(/^[A-Za-z0-9_.@-]{1,120}$/);
const identity: fc.Arbitrary<TaskIdentity> = fc.oneof(
  fc.record({ kind: fc.constant('lrp' as const), instanceGuid: token, index: fc.nat(), processGuid: guid }),
  fc.record({ kind: fc.constant('task' as const), attemptGuid: token, taskGuid: guid }),
);

t.test('#22 a guid with dots is no other kind of work: what is built is read the same', async (t) => {
  fc.assert(
    fc.property(identity, (one) => {
      const id = taskIdOf(one);
      return id.ok && JSON.stringify(parseTaskId(id.value)) === JSON.stringify(one);
    }),
  );
  t.same(parseTaskId('task.attempt.lrp.a.0.b'), {
    kind: 'task',
    attemptGuid: 'attempt',
    taskGuid: 'lrp.a.0.b',
  });
  for (const foreign of ['', 'lrp', 'lrp.a.b.c', 'lrp.a.01.b', 'task.a.', 'ct:0:0:job:', 'x.y'])
    t.equal(parseTaskId(foreign), undefined, foreign);
});

t.test('#21 each attempt has an id of its own', async (t) => {
  const lrp = { kind: 'lrp', index: 3, processGuid: 'web' } as const;
  const [first, second] = ['one', 'two'].map((instanceGuid) => taskIdOf({ ...lrp, instanceGuid }));
  t.same(
    [first, second],
    [
      { ok: true, value: 'lrp.one.3.web' },
      { ok: true, value: 'lrp.two.3.web' },
    ],
  );
});

t.test('task id - what Mesos would refuse is refused here', async (t) => {
  const refused: TaskIdentity[] = [
    { kind: 'task', attemptGuid: 'a.b', taskGuid: 'x' },
    { kind: 'task', attemptGuid: 'a', taskGuid: '' },
    { kind: 'task', attemptGuid: 'a', taskGuid: '../x' },
    { kind: 'task', attemptGuid: 'a', taskGuid: 'x\n' },
    { kind: 'task', attemptGuid: 'a', taskGuid: 'x'.repeat(249) },
    { kind: 'lrp', instanceGuid: 'a', index: -1, processGuid: 'x' },
  ];
  for (const one of refused) t.notOk(taskIdOf(one).ok, JSON.stringify(one).slice(0, 80));
  t.ok(taskIdOf({ kind: 'task', attemptGuid: 'a', taskGuid: 'x'.repeat(248) }).ok);
});

t.test('task id - labels and the guid by which the BBS knows it', async (t) => {
  const lrp = { kind: 'lrp', instanceGuid: 'i', index: 2, processGuid: 'p' } as const;
  t.equal(guidOf(lrp), 'i');
  t.equal(guidOf({ kind: 'task', attemptGuid: 'a', taskGuid: 'g' }), 'g');
  t.same(
    labelsOf(lrp, 'cf-apps').map(({ key, value }) => `${key}=${value}`),
    ['process_guid=p', 'index=2', 'instance_guid=i', 'domain=cf-apps'],
  );
});
