import type { CellState, Resources, RootfsProvider } from '../../common/model/cell.js';
import type { ContainerIdentity } from './identity.js';
import type { ContainerState, RunOutcome } from './life-cycle.js';

/** A container as a rep's HTTP tells of it. */
export interface ToldContainer {
  identity: ContainerIdentity;
  state: ContainerState;
  /** set when completed */
  outcome?: RunOutcome | undefined;
}

const resources = ({ memoryMb, diskMb, containers }: Resources, cpuMilli: number) => ({
  MemoryMB: memoryMb,
  DiskMB: diskMb,
  Containers: containers,
  ...(cpuMilli > 0 && { 'cpu-milli': cpuMilli }),
});

const provider = (one: RootfsProvider) =>
  one.type === 'arbitrary'
    ? { type: one.type }
    : { set: Object.fromEntries(one.set.map((name) => [name, {}])), type: one.type };

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

const providers = (all: CellState['rootfsProviders']) =>
  Object.fromEntries(
    Object.entries(all)
      .sort(byName)
      .map(([scheme, one]) => [scheme, provider(one)]),
  );

const wanted = ({ demand, wanted: want }: ContainerIdentity) => ({
  PlacementTags: want.placementTags,
  VolumeDrivers: want.volumeDrivers,
  RootFs: want.rootfs,
  MemoryMB: demand.memoryMb,
  DiskMB: demand.diskMb,
  MaxPids: want.maxPids,
});

const hasFailed = ({ outcome }: ToldContainer): boolean => outcome?.failed === true && !outcome.stopped;

const lrpState = (container: ToldContainer): string => {
  if (container.state === 'running') return 'RUNNING';
  if (container.state !== 'completed') return 'CLAIMED';
  return hasFailed(container) ? 'CRASHED' : 'SHUTDOWN';
};

const lrp = (container: ToldContainer) => ({
  instance_guid: container.identity.guid,
  process_guid: container.identity.processGuid,
  index: container.identity.index,
  domain: container.identity.domain,
  ...wanted(container.identity),
  state: lrpState(container),
});

const task = (container: ToldContainer) => ({
  TaskGuid: container.identity.guid,
  Domain: container.identity.domain,
  ...wanted(container.identity),
  state: container.state === 'completed' ? 'Completed' : 'Running',
  failed: hasFailed(container),
});

const ofKind = (containers: readonly ToldContainer[], kind: ContainerIdentity['kind']) =>
  containers.filter(({ identity }) => identity.kind === kind);

/** A cell's state as Diego's `GET /state` has it: a record per container, where the bus has counts. */
export const diegoState = (state: CellState, containers: readonly ToldContainer[]) => ({
  rep_url: state.repUrl,
  cell_id: state.cellId,
  cell_index: state.cellIndex,
  RootFSProviders: providers(state.rootfsProviders),
  AvailableResources: resources(state.available, state.cpuMilliAvailable),
  TotalResources: resources(state.total, state.cpuMilliTotal),
  LRPs: ofKind(containers, 'lrp').map(lrp),
  Tasks: ofKind(containers, 'task').map(task),
  StartingContainerCount: state.startingContainerCount,
  Zone: state.zone,
  Evacuating: state.evacuating,
  VolumeDrivers: state.volumeDrivers,
  PlacementTags: state.placementTags,
  OptionalPlacementTags: state.optionalPlacementTags,
  ProxyMemoryAllocationMB: state.proxyMemoryMb,
});
