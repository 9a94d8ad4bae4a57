/** Clusters and batches of every kind, small enough to be decided exhaustively. */
import fc from 'fast-check';
import { type Auction, lrpAuctions, taskAuction } from '../../auctioneer/core/auction.js';
import type { DecisionInput } from '../../auctioneer/core/decide.js';
import type { Policy } from '../../auctioneer/core/policy.js';
import type { CellState, RootfsProvider } from '../../common/model/cell.js';
import { aCellState } from './cell-states.js';

const TAGS = ['gpu', 'ssd', 'pci'];
const DRIVERS = ['nfs', 'smb'];
const STACKS = ['one', 'two'];
const PROCESSES = ['a', 'b', 'c', 'd'];

const provider = fc.oneof(
  fc.constant<RootfsProvider>({ type: 'arbitrary' }),
  fc.subarray(STACKS).map((set): RootfsProvider => ({ type: 'fixed_set', set })),
);

const rootfsProviders = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ preloaded: { type: 'fixed_set' as const, set: STACKS } }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('preloaded', 'docker'), provider, { maxKeys: 2 }) },
);

/** Mostly the same, so that ties and near ties are common; sometimes anything. */
const amount = (usual: number[], most: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: most }) },
  );

const shareOf = (total: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(total) },
    { weight: 2, arbitrary: fc.constantFrom(...[0.25, 0.5, 0.75].map((part) => Math.floor(total * part))) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: total }) },
  );

const resources = fc
  .record({
    memoryMb: amount([512, 1024, 3000], 4096),
    diskMb: amount([1024, 2048, 3000], 8192),
    containers: amount([4, 10], 20),
  })
  .chain((total) =>
    fc.record({
      total: fc.constant(total),
      available: fc.record({
        memoryMb: shareOf(total.memoryMb),
        diskMb: shareOf(total.diskMb),
        containers: shareOf(total.containers),
      }),
    }),
  );

const usually = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

const cell = fc
  .record({
    resources,
    rootfsProviders,
    zone: fc.constantFrom('z1', 'z2', 'z3'),
    proxyMemoryMb: usually(0, fc.constantFrom(32, 100)),
    cpu: usually(0, fc.constantFrom(1000, 4000)),
    cellIndex: fc.nat(5),
    lrpCounts: usually({}, fc.dictionary(fc.constantFrom(...PROCESSES), fc.nat(3))).map(
      (counts) => new Map(Object.entries(counts)),
    ),
    taskCount: usually(0, fc.nat(3)),
    startingContainerCount: usually(0, fc.nat(3)),
    volumeDrivers: usually<string[]>([], fc.subarray(DRIVERS)),
    placementTags: usually<string[]>([], fc.subarray(TAGS)),
    optionalPlacementTags: usually<string[]>([], fc.subarray(TAGS)),
    placeable: usually(true, fc.constant(false)),
    evacuating: usually(false, fc.boolean()),
  })
  .map(({ resources: { total, available }, cpu, ...rest }): CellState =>
    aCellState({ ...rest, total, available, cpuMilliTotal: cpu, cpuMilliAvailable: cpu }),
  );

/** Ids in an order that is not that of cell indices. */
const named = (cells: CellState[]): CellState[] =>
  cells.map((state, at) => ({ ...state, cellId: `cell-${(at * 7) % 1000}` }));

/** All alike, all different, and most things between. */
const cells = fc.oneof(
  { weight: 3, arbitrary: fc.array(cell, { maxLength: 12 }) },
  { weight: 1, arbitrary: fc.array(cell, { minLength: 20, maxLength: 60 }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        cell,
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.constantFrom('z1', 'z2'), { minLength: 40, maxLength: 40 }),
      )
      .map(([one, count, zones]) =>
        Array.from({ length: count }, (_, at) => ({ ...one, zone: zones[at] ?? 'z1', cellIndex: at })),
      ),
  },
);

const request = fc.record({
  memoryMb: amount([0, 64, 128, 256], 1500),
  diskMb: amount([0, 64, 128, 512], 2000),
  cpuMilli: usually(0, fc.constantFrom(100, 1500)),
  maxPids: fc.constant(0),
  rootfs: usually(
    'preloaded:one',
    fc.constantFrom('preloaded:two', 'docker:///any', 'unknown:x', 'not a url', 'docker:///%zz'),
  ),
  placementTags: usually<string[]>([], fc.oneof(fc.subarray(TAGS), fc.constant<string[]>(['nowhere']))),
  volumeDrivers: usually<string[]>([], fc.oneof(fc.subarray(DRIVERS), fc.constant<string[]>(['none']))),
});

const lrps = fc
  .record({ request, processGuid: fc.constantFrom(...PROCESSES), instances: fc.integer({ min: 1, max: 8 }) })
  .map(({ request: asked, processGuid, instances }): Auction[] =>
    lrpAuctions({
      ...asked,
      processGuid,
      domain: 'd',
      instances: Array.from({ length: instances }, (_, index) => ({
        index,
        placementId: `${processGuid}.${index}`,
      })),
    }),
  );

const task = request.map((asked): Auction[] => [
  taskAuction({ ...asked, taskGuid: 'task', domain: 'd', placementId: 'task' }),
]);

const auctions = fc
  .array(fc.oneof({ weight: 2, arbitrary: lrps }, { weight: 1, arbitrary: task }), { maxLength: 12 })
  .map((groups) => groups.flat());

const policy: fc.Arbitrary<Policy> = fc
  .record({
    strategy: fc.constantFrom('diego' as const, 'spread' as const, 'binpack' as const),
    startingContainerMaximum: usually(0, fc.nat(20)),
    compat: fc.constantFrom('outcry' as const, 'diego' as const),
    weights: usually(
      {},
      fc.record({
        startingContainerWeight: fc.constantFrom(0, 0.25, 1),
        binPackFirstFitWeight: fc.constantFrom(0, 0.01, 1),
      }),
    ),
  })
  .map(({ weights, ...rest }) => ({ ...rest, ...weights }));

/** One process on most cells of a larger cluster: what is counted for every node of the index instead of cell by cell. */
const crowd: fc.Arbitrary<DecisionInput> = fc
  .record({
    cells: fc.array(cell, { minLength: 1, maxLength: 4 }),
    count: fc.integer({ min: 80, max: 120 }),
    kinds: fc.array(fc.nat(3), { minLength: 120, maxLength: 120 }),
    request,
    instances: fc.integer({ min: 1, max: 250 }),
    policy,
  })
  .map(({ cells: kindsOfCell, count, kinds, request: asked, instances, policy: chosen }) => ({
    cells: named(
      Array.from({ length: count }, (_, at) => ({
        ...(kindsOfCell[(kinds[at] ?? 0) % kindsOfCell.length] as CellState),
        cellIndex: at,
      })),
    ),
    auctions: lrpAuctions({
      ...asked,
      processGuid: 'a',
      domain: 'd',
      instances: Array.from({ length: instances }, (_, index) => ({ index, placementId: `a.${index}` })),
    }),
    policy: chosen,
  }));

/** Any batch on any cluster. */
export const decisionInput: fc.Arbitrary<DecisionInput> = fc.oneof(
  { weight: 15, arbitrary: fc.record({ cells: cells.map(named), auctions, policy }) },
  { weight: 1, arbitrary: crowd },
);
