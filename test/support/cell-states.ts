import type { LrpWork, TaskWork } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';

/** A cell with room; override what matters. */
export const aCellState = (overrides: Partial<CellState> = {}): CellState => ({
  cellId: 'cell-1',
  cellIndex: 0,
  repUrl: '',
  incarnation: 'first',
  version: 1,
  rootfsProviders: { preloaded: { type: 'fixed_set', set: ['default'] } },
  available: { memoryMb: 1024, diskMb: 4096, containers: 10 },
  total: { memoryMb: 1024, diskMb: 4096, containers: 10 },
  cpuMilliAvailable: 0,
  cpuMilliTotal: 0,
  lrpCounts: new Map(),
  taskCount: 0,
  startingContainerCount: 0,
  zone: 'z1',
  evacuating: false,
  placeable: true,
  volumeDrivers: [],
  placementTags: [],
  optionalPlacementTags: [],
  proxyMemoryMb: 0,
  ...overrides,
});

const request = {
  memoryMb: 64,
  diskMb: 64,
  maxPids: 0,
  cpuMilli: 0,
  rootfs: 'preloaded:default',
  placementTags: [],
  volumeDrivers: [],
};

export const anLrpWork = (overrides: Partial<LrpWork> = {}): LrpWork => {
  const work = { ...request, processGuid: 'app', index: 0, domain: 'd', placementId: '', ...overrides };
  return { ...work, placementId: work.placementId || `${work.processGuid}.${work.index}@e.0` };
};

export const aTaskWork = (overrides: Partial<TaskWork> = {}): TaskWork => {
  const work = { ...request, taskGuid: 'task', domain: 'd', placementId: '', ...overrides };
  return { ...work, placementId: work.placementId || `${work.taskGuid}@0` };
};
