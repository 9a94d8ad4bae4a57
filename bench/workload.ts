/**
 * A cluster and a batch of any size, made from a seed: the workload that Diego's own scheduler was measured with.
 * 1,000 cells by 1,000 LRPs is in test/fixtures/workload, with the places that Diego chose.
 */
import type { LrpStart, TaskStart } from '../common/model/auction.js';
import type { CellState } from '../common/model/cell.js';
import { aCellState } from '../test/support/cell-states.js';

export interface Size {
  cells: number;
  /** LRP instances; a tenth as many tasks come on top */
  lrps: number;
}

export interface Workload {
  cells: CellState[];
  lrps: LrpStart[];
  tasks: TaskStart[];
}

const SEED = 20250101n;
const MEMORY = [64, 128, 256, 512, 1024];
const DISK = [256, 512, 1024, 2048];
const ZONES = 3;
const WORD = (1n << 64n) - 1n;

/** splitmix64 (Steele, Lea, Flood, 2014): the whole number below `limit` that comes next. */
export const createDice = (seed: bigint): ((limit: number) => number) => {
  let state = seed;
  return (limit) => {
    state = (state + 0x9e3779b97f4a7c15n) & WORD;
    let z = ((state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & WORD;
    return Number((z ^ (z >> 31n)) % BigInt(limit));
  };
};

type Dice = ReturnType<typeof createDice>;

const oneOf = (dice: Dice, from: readonly number[]): number => from[dice(from.length)] ?? 0;

const request = (dice: Dice) => ({
  memoryMb: oneOf(dice, MEMORY),
  diskMb: oneOf(dice, DISK),
  maxPids: 1024,
  cpuMilli: 0,
  rootfs: 'preloaded:cflinuxfs4',
  placementTags: [],
  volumeDrivers: [],
});

const guid = (kind: string, number: number): string => `${kind}-${String(number).padStart(6, '0')}`;

const makeLrps = (dice: Dice, count: number): LrpStart[] => {
  const lrps: LrpStart[] = [];
  for (let made = 0; made < count;) {
    const instances = 1 + dice(20);
    const processGuid = guid('app', lrps.length);
    const start = { ...request(dice), processGuid, domain: 'cf-apps' };
    const length = Math.min(instances, count - made);
    const places = Array.from({ length }, (_, index) => ({ index, placementId: `${processGuid}.${index}` }));
    lrps.push({ ...start, instances: places });
    made += length;
  }
  return lrps;
};

const makeTasks = (dice: Dice, count: number): TaskStart[] =>
  Array.from({ length: count }, (_, number) => {
    const taskGuid = guid('task', number);
    return { ...request(dice), taskGuid, domain: 'cf-tasks', placementId: taskGuid };
  });

const STACKS = { type: 'fixed_set' as const, set: ['cflinuxfs3', 'cflinuxfs4'] };

const emptyCell = (number: number): CellState => {
  const total = { memoryMb: 65_536, diskMb: 1_048_576 + number, containers: 250 };
  return aCellState({
    cellId: `cell-${String(number).padStart(5, '0')}`,
    cellIndex: number,
    rootfsProviders: { preloaded: STACKS, 'preloaded+layer': STACKS, docker: { type: 'arbitrary' } },
    available: { ...total },
    total,
    zone: `z${(number % ZONES) + 1}`,
  });
};

const fill = (dice: Dice, cell: CellState, apps: number): void => {
  const count = 1 + dice(20);
  const counts = new Map<string, number>();
  for (let number = 0; number < count; number += 1) {
    const app = guid('app', dice(2 * apps));
    cell.available.memoryMb -= oneOf(dice, MEMORY);
    cell.available.diskMb -= oneOf(dice, DISK);
    cell.available.containers -= 1;
    counts.set(app, (counts.get(app) ?? 0) + 1);
  }
  cell.lrpCounts = counts;
  cell.startingContainerCount = dice(4);
};

/** Every second cell is empty; the others hold up to twenty instances, half of them of processes in the batch. */
export const makeWorkload = ({ cells: cellCount, lrps: lrpCount }: Size): Workload => {
  const dice = createDice(SEED);
  const lrps = makeLrps(dice, lrpCount);
  const tasks = makeTasks(dice, Math.floor(lrpCount / 10));
  const cells = Array.from({ length: cellCount }, (_, number) => {
    const cell = emptyCell(number);
    if (number % 2 === 1) fill(dice, cell, lrps.length);
    return cell;
  });
  return { cells, lrps, tasks };
};

const TAGS = ['gpu', 'ssd', 'internal'];

/** Some of them, each with the same chance. */
const some = (dice: Dice, from: readonly string[], oneIn: number): string[] =>
  from.filter(() => dice(oneIn) === 0);

const differentCell = (dice: Dice, number: number): CellState => {
  const total = {
    memoryMb: 16_384 + dice(245_760),
    diskMb: 65_536 + dice(4_000_000),
    containers: 100 + dice(400),
  };
  const stacks = { type: 'fixed_set' as const, set: dice(2) === 0 ? STACKS.set : ['cflinuxfs4', 'windows'] };
  const used = dice(total.memoryMb >> 1);
  return {
    ...emptyCell(number),
    zone: `z${dice(7)}`,
    total,
    available: {
      memoryMb: total.memoryMb - used,
      diskMb: total.diskMb - dice(total.diskMb >> 1),
      containers: total.containers - dice(total.containers >> 1),
    },
    rootfsProviders:
      dice(3) === 0 ? { preloaded: stacks, docker: { type: 'arbitrary' } } : { preloaded: stacks },
    placementTags: dice(8) === 0 ? ['isolated'] : [],
    optionalPlacementTags: some(dice, TAGS, 2),
    volumeDrivers: some(dice, ['nfs'], 2),
    proxyMemoryMb: dice(2) * 32,
  };
};

const ROOTFS = ['preloaded:cflinuxfs4', 'preloaded:cflinuxfs3', 'docker:///library/app', 'preloaded:windows'];

/** Every cell and every request different: 1…4,096 MB of memory and disk, mixed tags, drivers and root file systems. */
export const makeDifferent = ({ cells: cellCount, lrps: lrpCount }: Size): Workload => {
  const dice = createDice(SEED);
  const lrps = Array.from({ length: lrpCount }, (_, number): LrpStart => {
    const processGuid = guid('app', number);
    return {
      ...request(dice),
      memoryMb: 1 + dice(4_096),
      diskMb: 1 + dice(4_096),
      rootfs: ROOTFS[dice(ROOTFS.length)] ?? '',
      placementTags: [...some(dice, TAGS, 4), ...(dice(10) === 0 ? ['isolated'] : [])],
      volumeDrivers: some(dice, ['nfs'], 5),
      processGuid,
      domain: 'cf-apps',
      instances: [{ index: dice(3), placementId: processGuid }],
    };
  });
  const cells = Array.from({ length: cellCount }, (_, number) => differentCell(dice, number));
  return { cells, lrps, tasks: makeTasks(dice, Math.floor(lrpCount / 10)) };
};

/** All cells alike and empty: every decision is among ties. */
export const makeAlike = ({ cells: cellCount, lrps: lrpCount }: Size): Workload => {
  const dice = createDice(SEED);
  const cells = Array.from({ length: cellCount }, (_, number) => {
    const cell = emptyCell(number);
    cell.total.diskMb = cell.available.diskMb = 1_048_576;
    return cell;
  });
  return { cells, lrps: makeLrps(dice, lrpCount), tasks: makeTasks(dice, Math.floor(lrpCount / 10)) };
};

/** Cells with room for half of it: what finds no place is told why, and what came nearest. */
export const makeFull = (size: Size): Workload => {
  const workload = makeWorkload(size);
  const share = (size.lrps / size.cells) * 200;
  for (const cell of workload.cells) {
    cell.available.memoryMb = Math.max(64, Math.min(cell.available.memoryMb, Math.floor(share)));
  }
  return workload;
};
