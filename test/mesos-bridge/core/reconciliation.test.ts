import t from 'tap';
import type { Question, Reconcile } from '../../../mesos-bridge/core/reconciliation.js';
import { RECONCILIATION_DEFAULTS, createReconciliation } from '../../../mesos-bridge/core/reconciliation.js';

const question = (taskId: string): Question => ({ taskId, agentId: 'a' });
const shown = (calls: readonly Reconcile[]): string[] =>
  calls.map(({ kind, tasks }) => [kind, ...tasks.map(({ taskId }) => taskId)].join(' '));

t.test(
  '#16 after a subscription all is asked about, with waits that double, until each has an answer',
  async (t) => {
    const one = createReconciliation(RECONCILIATION_DEFAULTS);
    t.same(shown(one.subscribed(['x', 'y'].map(question), 0)), ['explicit x y', 'implicit']);
    one.heard('x');
    one.heard('foreign');
    const asked: number[] = [];
    for (let now = 0; now < 700_000; now += 1_000)
      if (one.due(now, () => []).length > 0) asked.push(now / 1_000);
    t.same(
      asked,
      [5, 15, 35, 75, 155, 275, 395, 515, 635],
      'long enough for agents to register with a new master',
    );
    t.equal(one.unanswered(), 1);
    one.heard('y');
    t.equal(one.unanswered(), 0);
    t.same(
      one.due(800_000, () => []),
      [],
    );
  },
);

t.test('reconciliation - a round every so often; a new one takes the place of the one before', async (t) => {
  const one = createReconciliation(RECONCILIATION_DEFAULTS);
  one.subscribed([question('x')], 0);
  t.same(shown(one.subscribed([question('y')], 100)), ['explicit y', 'implicit']);
  t.same(shown(one.due(5_000, () => [])), [], 'no word of x any more');
  one.heard('y');
  t.same(shown(one.due(5_100, () => [])), ['implicit'], 'agents may have registered since');
  const asked: number[] = [];
  for (let now = 6_000; now < 900_000; now += 1_000)
    if (shown(one.due(now, () => [])).join() === 'implicit') asked.push(now / 1_000);
  t.same(asked, [16, 36, 76, 156, 276, 396, 516], 'for as long as they may take');
  t.equal(one.nextDue(), 900_100);
  t.same(shown(one.due(900_100, () => [question('z')])), ['explicit z', 'implicit']);
  t.same(shown(one.subscribed([], 900_200)), ['implicit'], 'nothing known: all that the master knows');
  one.disconnected();
  t.equal(one.nextDue(), Infinity);
  t.same(
    one.due(9e9, () => [question('z')]),
    [],
  );
});

t.test('reconciliation - what is ours and not known makes it ask for all, once for many', async (t) => {
  const one = createReconciliation(RECONCILIATION_DEFAULTS);
  one.surprised(0);
  t.equal(one.nextDue(), Infinity, 'there is no subscription');
  one.subscribed([], 0);
  for (let now = 0; now < 800_000; now += 1_000) one.due(now, () => []);
  one.surprised(800_000);
  one.surprised(800_500);
  t.same(shown(one.due(801_000, () => [])), ['implicit']);
  t.same(shown(one.due(803_000, () => [])), []);
});

t.test('reconciliation - what is never answered is given up at last, and told once', async (t) => {
  const one = createReconciliation({ ...RECONCILIATION_DEFAULTS, everyMs: 9e9 });
  one.subscribed([question('x')], 0);
  for (let now = 0; now <= 1_400_000; now += 1_000) one.due(now, () => []);
  t.same(one.abandoned(), [question('x')]);
  t.same(one.abandoned(), []);
});

t.test('reconciliation - many tasks go in several calls, and single ones can be asked about', async (t) => {
  const one = createReconciliation(RECONCILIATION_DEFAULTS);
  const many = Array.from({ length: 12_000 }, (_, at) => question(`t${at}`));
  t.same(
    one.subscribed(many, 0).map(({ kind, tasks }) => [kind, tasks.length]),
    [
      ['explicit', 5_000],
      ['explicit', 5_000],
      ['explicit', 2_000],
      ['implicit', 0],
    ],
  );
  t.same(shown(one.ask([question('x')])), ['explicit x']);
  t.same(one.ask([]), [], 'never an empty list: that would ask for everything');
});
