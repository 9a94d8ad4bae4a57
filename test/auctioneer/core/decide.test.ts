import t from 'tap';
import { type Auction, taskAuction } from '../../../auctioneer/core/auction.js';
import { decide } from '../../../auctioneer/core/decide.js';
import { explainFailure } from '../../../auctioneer/core/explain.js';
import { DEFAULT_POLICY } from '../../../auctioneer/core/policy.js';
import { admit } from '../../../auctioneer/core/requests.js';
import { aCellState, aTaskWork, anLrpWork } from '../../support/cell-states.js';

const lrp = (overrides: Parameters<typeof anLrpWork>[0] = {}): Auction => {
  const { index, placementId, ...request } = anLrpWork(overrides);
  return { kind: 'lrp', request, index, placementId };
};
const task = (overrides: Parameters<typeof aTaskWork>[0] = {}): Auction => taskAuction(aTaskWork(overrides));

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
