import fc from 'fast-check';
import t from 'tap';
import { type Auction, taskAuction } from '../../../auctioneer/core/auction.js';
import { decide } from '../../../auctioneer/core/decide.js';
import { explainFailure } from '../../../auctioneer/core/explain.js';
import { DEFAULT_POLICY } from '../../../auctioneer/core/policy.js';
import { admit } from '../../../auctioneer/core/requests.js';
import type { CellState } from '../../../common/model/cell.js';
import { aCellState, aTaskWork, anLrpWork } from '../../support/cell-states.js';

const lrp = (overrides: Parameters<typeof anLrpWork>[0] = {}): Auction => {
  const { index, placementId, ...request } = anLrpWork(overrides);
  return { kind: 'lrp', request, index, placementId };
};
const task = (overrides: Parameters<typeof aTaskWork>[0] = {}): Auction => taskAuction(aTaskWork(overrides));

const cellArbitrary = (id: number): fc.Arbitrary<CellState> =>
  fc
    .record({
      memoryMb: fc.integer({ min: 64, max: 2048 }),
      diskMb: fc.integer({ min: 64, max: 2048 }),
      containers: fc.integer({ min: 1, max: 12 }),
      zone: fc.constantFrom('z1', 'z2', 'z3'),
      proxyMemoryMb: fc.constantFrom(0, 32),
      cpu: fc.constantFrom(0, 1000, 4000),
    })
    .map(({ memoryMb, diskMb, containers, zone, proxyMemoryMb, cpu }) => {
      const total = { memoryMb, diskMb, containers };
      return aCellState({
        cellId: `cell-${id}`,
        cellIndex: id,
        zone,
        proxyMemoryMb,
        total,
        available: total,
        cpuMilliTotal: cpu,
        cpuMilliAvailable: cpu,
      });
    });

const clusterArbitrary = fc
  .integer({ min: 1, max: 8 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, id) => cellArbitrary(id))));

const amounts = {
  memoryMb: fc.integer({ min: 1, max: 600 }),
  diskMb: fc.integer({ min: 1, max: 600 }),
  cpuMilli: fc.constantFrom(0, 100, 500),
};

const auctionsArbitrary = fc.array(
  fc.oneof(
    fc
      .record({
        ...amounts,
        processGuid: fc.constantFrom('a', 'b', 'c'),
        index: fc.integer({ min: 0, max: 9 }),
      })
      .map((work) => lrp(work)),
    fc.record({ ...amounts, taskGuid: fc.uuid() }).map((work) => task(work)),
  ),
  { maxLength: 30 },
);

t.test('decide - no cell is given more than it has, and every auction is accounted for', async () => {
  fc.assert(
    fc.property(clusterArbitrary, auctionsArbitrary, (cells, auctions) => {
      const decision = decide({ cells, auctions, policy: DEFAULT_POLICY });
      if (decision.placements.length + decision.failures.length !== auctions.length) return false;
      return cells.every((cell) => {
        const here = decision.placements
          .filter(({ cellId }) => cellId === cell.cellId)
          .map(({ auction }) => auction);
        const sum = (pick: (auction: Auction) => number): number =>
          here.reduce((all, one) => all + pick(one), 0);
        const proxy = here.filter(({ kind }) => kind === 'lrp').length * cell.proxyMemoryMb;
        return (
          sum(({ request }) => request.memoryMb) + proxy <= cell.available.memoryMb &&
          sum(({ request }) => request.diskMb) <= cell.available.diskMb &&
          here.length <= cell.available.containers &&
          (cell.cpuMilliTotal === 0 || sum(({ request }) => request.cpuMilli) <= cell.cpuMilliAvailable)
        );
      });
    }),
    { numRuns: 300 },
  );
});

t.test('decide - the order in which cells are listed changes nothing', async () => {
  fc.assert(
    fc.property(clusterArbitrary, auctionsArbitrary, fc.nat(), (cells, auctions, turn) => {
      const at = turn % cells.length;
      const turned = [...cells.slice(at), ...cells.slice(0, at)].reverse();
      const where = (input: readonly CellState[]) =>
        JSON.stringify(decide({ cells: input, auctions, policy: DEFAULT_POLICY }));
      return where(cells) === where(turned);
    }),
    { numRuns: 200 },
  );
});

t.test('decide - work that fits nowhere names the cell that came nearest', async (t) => {
  const cells = [
    aCellState({ cellId: 'small', available: { memoryMb: 100, diskMb: 4096, containers: 5 } }),
    aCellState({ cellId: 'large', available: { memoryMb: 900, diskMb: 4096, containers: 5 } }),
  ];
  const { failures } = decide({ cells, auctions: [lrp({ memoryMb: 964 })], policy: DEFAULT_POLICY });
  t.equal(failures[0]?.reason, 'insufficient resources: memory');
  t.equal(
    failures[0] && explainFailure(failures[0]),
    'insufficient resources: memory (large comes nearest: 64 MB of memory short)',
  );
});

t.test('decide - CPU is a dimension of its own where the cell accounts it', async (t) => {
  const cells = [aCellState({ cpuMilliTotal: 1000, cpuMilliAvailable: 200 })];
  const { placements, failures } = decide({
    cells,
    auctions: [lrp({ cpuMilli: 150 }), lrp({ cpuMilli: 100, index: 1 })],
    policy: DEFAULT_POLICY,
  });
  t.equal(placements.length, 1);
  t.equal(failures[0]?.reason, 'insufficient resources: cpu');
});

t.test('decide - an evacuating cell and one that is not placeable get nothing', async (t) => {
  const cells = [
    aCellState({ cellId: 'leaving', evacuating: true }),
    aCellState({ cellId: 'counts-only', placeable: false }),
  ];
  const { failures } = decide({ cells, auctions: [task()], policy: DEFAULT_POLICY });
  t.equal(failures[0]?.reason, 'unable to communicate to compatible cells');
});

t.test('requests - a bad item is dropped with its reason and the others are taken', async (t) => {
  const { placementId, index, ...start } = anLrpWork();
  const admitted = admit({
    traceId: 't',
    lrps: [
      { ...start, instances: [{ index, placementId }] },
      { ...start, processGuid: '', instances: [{ index, placementId }] },
      { ...start, memoryMb: -1, instances: [{ index, placementId }] },
      { ...start, memoryMb: 1.5, instances: [{ index, placementId }] },
      { ...start, diskMb: 2 ** 31, instances: [{ index, placementId }] },
      { ...start, instances: [] },
      { ...start, instances: [{ index: -1, placementId }] },
    ],
    tasks: [aTaskWork(), aTaskWork({ taskGuid: '' }), aTaskWork({ rootfs: '' })],
  });
  t.equal(admitted.auctions.length, 2);
  t.same(
    admitted.dropped.map(({ reason }) => reason),
    [
      'process guid is empty',
      'invalid memoryMb: -1',
      'invalid memoryMb: 1.5',
      'invalid diskMb: 2147483648',
      'no indices',
      'invalid index: -1',
      'task guid is empty',
      'rootfs is empty',
    ],
  );
});
