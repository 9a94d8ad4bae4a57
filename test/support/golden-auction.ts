import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Auction, lrpAuctions, taskAuction } from '../../auctioneer/core/auction.js';
import { DEFAULT_POLICY, type Policy } from '../../auctioneer/core/policy.js';
import type { CellState, Resources, RootfsProvider } from '../../common/model/cell.js';
import { packageRoot } from '../../common/runtime/package-root.js';

interface GoldenResources {
  MemoryMB: number;
  DiskMB: number;
  Containers: number;
}

interface GoldenCell {
  rep_url: string;
  cell_id: string;
  cell_index: number;
  RootFSProviders: Record<
    string,
    { type: 'arbitrary' } | { type: 'fixed_set'; set: Record<string, unknown> }
  >;
  AvailableResources: GoldenResources;
  TotalResources: GoldenResources;
  LRPs: { process_guid: string }[] | null;
  Tasks: unknown[] | null;
  StartingContainerCount: number;
  Zone: string;
  Evacuating: boolean;
  VolumeDrivers: string[] | null;
  PlacementTags: string[] | null;
  OptionalPlacementTags: string[] | null;
  ProxyMemoryAllocationMB: number;
}

interface GoldenRequest {
  PlacementTags: string[] | null;
  VolumeDrivers: string[] | null;
  RootFs: string;
  MemoryMB: number;
  DiskMB: number;
  MaxPids: number;
}

export interface GoldenStep {
  kind: 'lrp' | 'task';
  id: string;
  acceptable_cells?: string[] | null;
  acceptable_errors?: string[] | null;
  diego_chose_cell?: string;
  diego_error?: string;
}

export interface GoldenCase {
  name: string;
  config: {
    bin_pack_first_fit_weight: number;
    starting_container_weight: number;
    starting_container_count_maximum: number;
  };
  input: {
    cells: GoldenCell[] | null;
    cell_behaviour: Record<string, { state_error?: unknown; registered_as?: string }>;
    lrp_start_requests:
      (GoldenRequest & { process_guid: string; domain: string; indices: number[] })[] | null;
    task_start_requests: (GoldenRequest & { TaskGuid: string; Domain: string })[] | null;
  };
  result: { considered_order: string[] | null; deterministic: boolean };
  trace: GoldenStep[];
}

export const goldenCases = (): GoldenCase[] => {
  const dir = join(packageRoot(), 'test/fixtures/auction');
  return readdirSync(dir).map((file) => JSON.parse(readFileSync(join(dir, file), 'utf8')) as GoldenCase);
};

export const policyOf = (golden: GoldenCase): Policy => ({
  ...DEFAULT_POLICY,
  startingContainerWeight: golden.config.starting_container_weight,
  startingContainerMaximum: Math.max(0, golden.config.starting_container_count_maximum),
  binPackFirstFitWeight: golden.config.bin_pack_first_fit_weight,
  compat: 'diego',
});

const resources = (from: GoldenResources): Resources => ({
  memoryMb: from.MemoryMB,
  diskMb: from.DiskMB,
  containers: from.Containers,
});

const countBy = (guids: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const guid of guids) counts[guid] = (counts[guid] ?? 0) + 1;
  return counts;
};

const provider = (from: GoldenCell['RootFSProviders'][string]): RootfsProvider =>
  from.type === 'arbitrary' ? { type: 'arbitrary' } : { type: 'fixed_set', set: Object.keys(from.set) };

const cellState = (cell: GoldenCell): CellState => ({
  cellId: cell.cell_id,
  cellIndex: cell.cell_index,
  repUrl: cell.rep_url,
  incarnation: 'i',
  version: 1,
  rootfsProviders: Object.fromEntries(
    Object.entries(cell.RootFSProviders).map(([scheme, value]) => [scheme, provider(value)]),
  ),
  available: resources(cell.AvailableResources),
  total: resources(cell.TotalResources),
  cpuMilliAvailable: 0,
  cpuMilliTotal: 0,
  lrpCounts: countBy((cell.LRPs ?? []).map((lrp) => lrp.process_guid)),
  taskCount: (cell.Tasks ?? []).length,
  startingContainerCount: cell.StartingContainerCount,
  zone: cell.Zone,
  evacuating: cell.Evacuating,
  placeable: true,
  volumeDrivers: cell.VolumeDrivers ?? [],
  placementTags: cell.PlacementTags ?? [],
  optionalPlacementTags: cell.OptionalPlacementTags ?? [],
  proxyMemoryMb: cell.ProxyMemoryAllocationMB,
});

/** The cells that take part: those that answered, under the id they are registered with. */
export const statesOf = (golden: GoldenCase): CellState[] =>
  (golden.input.cells ?? [])
    .filter((cell) => {
      const behaviour = golden.input.cell_behaviour[cell.cell_id] ?? {};
      return behaviour.state_error === undefined && behaviour.registered_as === undefined;
    })
    .map(cellState);

const request = (from: GoldenRequest) => ({
  rootfs: from.RootFs,
  memoryMb: from.MemoryMB,
  diskMb: from.DiskMB,
  maxPids: from.MaxPids,
  cpuMilli: 0,
  placementTags: from.PlacementTags ?? [],
  volumeDrivers: from.VolumeDrivers ?? [],
});

export const auctionsOf = (golden: GoldenCase): Auction[] => [
  ...(golden.input.lrp_start_requests ?? []).flatMap((start) =>
    lrpAuctions({
      ...request(start),
      processGuid: start.process_guid,
      domain: start.domain,
      instances: start.indices.map((index) => ({ index, placementId: `${start.process_guid}.${index}` })),
    }),
  ),
  ...(golden.input.task_start_requests ?? []).map((start) =>
    taskAuction({
      ...request(start),
      placementId: start.TaskGuid,
      taskGuid: start.TaskGuid,
      domain: start.Domain,
    }),
  ),
];
