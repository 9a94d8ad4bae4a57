import t from 'tap';
import { overflow } from '../../auctioneer/backends/overflow.js';
import { type Auction, auctionId, lrpAuctions, taskAuction } from '../../auctioneer/core/auction.js';
import type { Work } from '../../common/model/auction.js';
import { startRunner } from '../support/auction-runner.js';
import { aCellState, aTaskWork, anLrpWork } from '../support/cell-states.js';
import { createDirectCells } from '../support/direct-cells.js';

const { placementId: _placementId, index: _index, ...start } = anLrpWork();
const instances = (processGuid: string, count: number, overrides: Partial<typeof start> = {}): Auction[] =>
  lrpAuctions({
    ...start,
    ...overrides,
    processGuid,
    instances: Array.from({ length: count }, (_, index) => ({
      index,
      placementId: `${processGuid}.${index}@e.0`,
    })),
  });

const aTask = (taskGuid: string, memoryMb: number): Auction => taskAuction(aTaskWork({ taskGuid, memoryMb }));

/** `cell: what it was sent`, in the order in which it was sent. */
const sentTo = (taken: readonly Work[]): string[] =>
  taken.map(({ cellId, lrps, tasks }) => {
    const names = [
      ...lrps.map(({ processGuid, index }) => `${processGuid}.${index}`),
      ...tasks.map(({ taskGuid }) => taskGuid),
    ];
    return `${cellId}: ${names.join(' ')}`;
  });

const size = (containers: number, memoryMb = 1024) => {
  const room = { memoryMb, diskMb: 4096, containers };
  return { available: room, total: room };
};

t.test(
  'overflow - what the first backend has no room for goes to the second, in the same batch',
  async (t) => {
    const near = createDirectCells([aCellState({ cellId: 'near', ...size(2) })]);
    const far = createDirectCells([aCellState({ cellId: 'far' })]);
    const { runner, batches, failures, answers } = startRunner(overflow(near, far));
    runner.add([...instances('web', 3), aTask('huge', 9999)]);
    await runner.settled();
    t.same(sentTo(near.taken), ['near: web.0 web.1']);
    t.same(sentTo(far.taken), ['far: web.2']);
    t.equal(batches.length, 1);
    t.same(
      failures.map(({ auction, reason }) => [auctionId(auction), reason]),
      [['huge', 'insufficient resources: memory']],
    );
    const [listed] = (await answers.batches({ traceId: 't', limit: 1 })).batches;
    t.match(listed, { cells: 2, auctions: 4, placed: 3, refused: 0, failed: 1, unknown: 0 });
  },
);

t.test('overflow - it is explained by the cells that were asked, and replays the same', async (t) => {
  const near = createDirectCells([aCellState({ cellId: 'near', ...size(1) })]);
  const far = createDirectCells([
    aCellState({ cellId: 'far-1' }),
    aCellState({ cellId: 'far-2', cellIndex: 1, lrpCounts: new Map([['web', 1]]) }),
  ]);
  const { runner, batches, answers } = startRunner(overflow(near, far));
  runner.add([...instances('web', 3), aTask('huge', 9999)]);
  await runner.settled();
  const explained = (id: string) => answers.explain({ traceId: 't', id, brief: false });
  const [first, second] = [await explained('web.0'), await explained('web.1')];
  t.match(first, { state: 'placed', cellId: 'near', best: [{ cellId: 'near' }], standing: { cells: 1 } });
  t.match(second, {
    state: 'placed',
    cellId: 'far-1',
    best: [{ cellId: 'far-1' }, { cellId: 'far-2' }],
    standing: { cells: 3, shortOfContainers: 1, room: 2 },
  });
  t.match(await explained('huge'), { state: 'failed', standing: { cells: 3, shortOfMemory: 3, room: 0 } });
  const replay = await answers.replay({ traceId: 't', batch: batches[0]?.id ?? '' });
  t.match(replay, { state: 'same', placements: 3, failures: 1, differences: [] });
});

t.test('overflow - the second backend is not asked while the first has room for all', async (t) => {
  const [near, far] = [createDirectCells([aCellState()]), createDirectCells([aCellState({ cellId: 'far' })])];
  const { runner } = startRunner(overflow(near, far));
  runner.add(instances('web', 2));
  await runner.settled();
  t.same([near.asked, far.asked, far.taken], [1, 0, []]);
});

t.test('overflow - without any cell of its own the first backend hands everything on at once', async (t) => {
  const [near, far] = [createDirectCells([]), createDirectCells([aCellState({ cellId: 'far' })])];
  const { runner } = startRunner(overflow(near, far));
  runner.add(instances('web', 1));
  await runner.settled();
  t.same([near.asked, sentTo(far.taken)], [1, ['far: web.0']]);
});

t.test('overflow - a third backend is asked for what the second has no room for', async (t) => {
  const cells = ['one', 'two', 'three'].map((cellId) =>
    createDirectCells([aCellState({ cellId, ...size(1) })]),
  );
  const [one, two, three] = cells as [(typeof cells)[0], (typeof cells)[0], (typeof cells)[0]];
  for (const chain of [overflow(one, overflow(two, three)), overflow(overflow(one, two), three)]) {
    for (const { taken } of cells) taken.length = 0;
    const { runner, batches, answers } = startRunner(chain);
    runner.add(instances('web', 4));
    await runner.settled();
    t.same(
      cells.flatMap(({ taken }) => sentTo(taken)),
      ['one: web.0', 'two: web.1', 'three: web.2'],
    );
    const replay = await answers.replay({ traceId: 't', batch: batches[0]?.id ?? '' });
    t.match(replay, { state: 'same', placements: 3, failures: 1 });
  }
});

t.test('overflow - instances spread over the zones of both backends', async (t) => {
  const near = createDirectCells([aCellState({ cellId: 'near', zone: 'z1', ...size(1) })]);
  const far = createDirectCells([
    aCellState({ cellId: 'far-1', zone: 'z1' }),
    aCellState({ cellId: 'far-2', zone: 'z2', cellIndex: 1 }),
  ]);
  const { runner } = startRunner(overflow(near, far));
  runner.add(instances('web', 2));
  await runner.settled();
  t.same(
    sentTo(far.taken),
    ['far-2: web.1'],
    'z1 has its instance already, on the cell of the other backend',
  );
});

t.test('overflow - the reason told is that of the cells that came nearest', async (t) => {
  const near = createDirectCells([aCellState({ cellId: 'near', placementTags: ['gpu'] })]);
  const far = createDirectCells([aCellState({ cellId: 'far', ...size(10, 32) })]);
  for (const [backend, text] of [
    [overflow(near, far), 'insufficient resources: memory'],
    [overflow(far, near), 'insufficient resources: memory'],
    [overflow(near, createDirectCells([])), 'found no compatible cell with no placement tags'],
  ] as const) {
    const { runner, failures } = startRunner(backend);
    runner.add(instances('web', 1));
    await runner.settled();
    t.match(failures, [{ reason: text }]);
  }
});

t.test('overflow - one limit of starting containers holds for the cells of both', async (t) => {
  for (const [limit, told] of [
    [3, ['far: web.2']],
    [2, []],
  ] as const) {
    const near = createDirectCells([aCellState({ cellId: 'near', ...size(2) })]);
    const far = createDirectCells([aCellState({ cellId: 'far' })]);
    const { runner, failures } = startRunner(overflow(near, far), { startingContainerMaximum: limit });
    runner.add(instances('web', 4));
    await runner.settled();
    t.same(sentTo(far.taken), told);
    t.equal(failures.length, 4 - limit);
    t.ok(failures.every(({ reason }) => /in-flight start limit/.test(reason)));
  }
});

t.test(
  'overflow - of cells with one id those of the first backend bid, unless they only count',
  async (t) => {
    const counts = new Map([['web', 5]]);
    const near = createDirectCells([
      aCellState({ cellId: 'both', ...size(1) }),
      aCellState({ cellId: 'agent', cellIndex: 1, placeable: false, lrpCounts: counts }),
    ]);
    const far = createDirectCells([
      aCellState({ cellId: 'both' }),
      aCellState({
        cellId: 'agent',
        cellIndex: 1,
        lrpCounts: counts,
        incarnation: 'of an offer',
        ...size(1),
      }),
    ]);
    const { runner, batches, answers } = startRunner(overflow(near, far));
    runner.add(instances('web', 3));
    await runner.settled();
    t.same([sentTo(near.taken), sentTo(far.taken)], [['both: web.0'], ['agent: web.1']]);
    t.match(far.taken, [{ incarnation: 'of an offer' }]);
    t.match(batches[0]?.decision.excluded, [{ cellId: 'both', reason: /earlier backend/ }]);
    t.match(await answers.explain({ traceId: 't', id: 'web.2', brief: false }), {
      state: 'failed',
      standing: { cells: 2, shortOfContainers: 2 },
      zones: [{ zone: 'z1', instances: 7 }],
    });
  },
);

t.test('overflow - what a far cell refuses is tried again from the first backend on', async (t) => {
  const near = createDirectCells([aCellState({ cellId: 'near', ...size(1) })]);
  const far = createDirectCells([aCellState({ cellId: 'far' })], 'the offer is gone');
  const { runner, batches, failures } = startRunner(overflow(near, far));
  runner.add(instances('web', 2));
  await runner.settled();
  t.same(sentTo(near.taken), ['near: web.0', 'near: web.1'], 'asked again, its room is told anew');
  t.equal(batches.length, 2);
  t.same(failures, []);
});
