import t from 'tap';
import type { Transition } from '../../bbs/index.js';
import { gatherReports } from '../../cell-rep/containers/gathered-reports.js';
import { KEY, must } from '../support/bbs.js';
import { createFakeBbs } from '../support/fake-bbs.js';

const claimOf = (index: number) => ({
  key: { ...KEY, index },
  instanceKey: { instanceGuid: `i-${index}`, cellId: 'cell-1' },
});

/** A BBS that keeps what it is sent together, and answers when told. */
const watched = () => {
  const fake = createFakeBbs();
  const batches: Transition[][] = [];
  const held: (() => void)[] = [];
  let holds = false;
  const turn = () => (holds ? new Promise<void>((resolve) => held.push(resolve)) : Promise.resolve());
  const bbs = gatherReports({
    ...fake,
    async claimActualLrp(args, traceId) {
      batches.push([{ kind: 'claim', args, traceId }]);
      await turn();
      return fake.claimActualLrp(args, traceId);
    },
    async transitions(list, traceId) {
      batches.push([...list]);
      await turn();
      return fake.transitions(list, traceId);
    },
  });
  return {
    fake,
    bbs,
    batches,
    hold: () => void (holds = true),
    release() {
      holds = false;
      for (const resolve of held.splice(0)) resolve();
    },
  };
};

const sizes = (batches: readonly Transition[][]): number[] => batches.map(({ length }) => length);

t.test('reports - one alone goes as its own call', async (t) => {
  const { bbs, batches, fake } = watched();
  must(await bbs.claimActualLrp(claimOf(0), 'trace'));
  t.same(sizes(batches), [1]);
  t.same(fake.calls, ['claim app.0']);
});

t.test('reports - those of one turn go together, each with its trace id and its answer', async (t) => {
  const { bbs, batches, fake } = watched();
  fake.allTasks.set('done', { state: 'Completed' } as never);
  const [first, second, unknown, over] = await Promise.all([
    bbs.claimActualLrp(claimOf(0), 'trace-0'),
    bbs.claimActualLrp(claimOf(1), 'trace-1'),
    bbs.startTask('none', 'cell-1', ''),
    bbs.startTask('done', 'cell-1', ''),
  ]);
  t.same(
    [first, second],
    [
      { ok: true, value: undefined },
      { ok: true, value: undefined },
    ],
  );
  t.match(unknown, { ok: false, error: { type: 'ResourceNotFound' } });
  t.match(over, { ok: false, error: { type: 'InvalidStateTransition' } });
  t.same(sizes(batches), [4]);
  t.same(
    batches[0]?.map(({ traceId }) => traceId),
    ['trace-0', 'trace-1', '', ''],
  );
});

t.test('reports - what comes while others are on their way waits, and goes together', async (t) => {
  const { bbs, batches, hold, release } = watched();
  hold();
  const all: Promise<unknown>[] = [];
  for (let index = 0; index < 500; index += 1) {
    all.push(bbs.claimActualLrp(claimOf(index), ''));
    await new Promise(setImmediate);
  }
  t.same(sizes(batches), [1, 1, 1, 1], 'four at a time');
  release();
  for (const answer of await Promise.all(all)) t.match(answer, { ok: true });
  t.same(sizes(batches), [1, 1, 1, 1, 250, 246], 'and never more than 250 together');
});

t.test('reports - a BBS that is away is told to each, and asked again', async (t) => {
  const { bbs, fake } = watched();
  fake.away = true;
  const answers = await Promise.all([bbs.claimActualLrp(claimOf(0), ''), bbs.claimActualLrp(claimOf(1), '')]);
  for (const answer of answers) t.match(answer, { ok: false, error: { unavailable: true } });
  fake.away = false;
  must(await bbs.claimActualLrp(claimOf(0), ''));
});
