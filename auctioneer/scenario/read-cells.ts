import type { CellState, RootfsProvider } from '../../common/model/cell.js';
import { type Read, flag, invalid, list, oneOf, text } from '../../common/model/read.js';
import { anything, key, mapOf, number, object, optional } from './shape.js';

/** Cell states as a rep's `GET /state` serves them in Diego. Two keys are ours: `cpu-milli` and `placeable`. */

const resources = object({
  memoryMb: key('MemoryMB', number),
  diskMb: key('DiskMB', number),
  containers: key('Containers', number),
  cpuMilli: optional('cpu-milli', number, 0),
});

const providerShape = object({
  type: key('type', oneOf('arbitrary', 'fixed_set')),
  set: optional('set', mapOf(anything), new Map<string, unknown>()),
});

const provider: Read<RootfsProvider> = (value, at, report) => {
  const read = providerShape(value, at, report);
  if (read === undefined) return undefined;
  return read.type === 'arbitrary' ? { type: read.type } : { type: read.type, set: [...read.set.keys()] };
};

const countsByProcess: Read<ReadonlyMap<string, number>> = (value, at, report) => {
  const guids = list(object({ guid: key('process_guid', text) }))(value, at, report);
  const counts = new Map<string, number>();
  for (const { guid } of guids ?? []) counts.set(guid, (counts.get(guid) ?? 0) + 1);
  return counts;
};

const length: Read<number> = (value, at, report) =>
  Array.isArray(value) ? value.length : invalid(at, report, 'must be a list');

const texts = list(text);

const stateShape = object({
  cellId: key('cell_id', text),
  cellIndex: key('cell_index', number),
  repUrl: optional('rep_url', text, ''),
  rootfsProviders: key('RootFSProviders', mapOf(provider)),
  available: key('AvailableResources', resources),
  total: key('TotalResources', resources),
  lrpCounts: optional('LRPs', countsByProcess, new Map()),
  taskCount: optional('Tasks', length, 0),
  startingContainerCount: optional('StartingContainerCount', number, 0),
  zone: key('Zone', text),
  evacuating: optional('Evacuating', flag, false),
  placeable: optional('placeable', flag, true),
  volumeDrivers: optional('VolumeDrivers', texts, []),
  placementTags: optional('PlacementTags', texts, []),
  optionalPlacementTags: optional('OptionalPlacementTags', texts, []),
  proxyMemoryMb: optional('ProxyMemoryAllocationMB', number, 0),
});

export const cellState: Read<CellState> = (value, at, report) => {
  const read = stateShape(value, at, report);
  if (read === undefined) return undefined;
  const { cpuMilli: cpuMilliAvailable, ...available } = read.available;
  const { cpuMilli: cpuMilliTotal, ...total } = read.total;
  return {
    ...read,
    rootfsProviders: Object.fromEntries(read.rootfsProviders),
    available,
    total,
    cpuMilliAvailable,
    cpuMilliTotal,
    incarnation: '',
    version: 0,
  };
};

/** How a cell answers the auctioneer, where it is not well. */
export interface CellBehaviour {
  /** it tells no state, and why */
  stateError: string | null;
  /** the id under which it is registered, another than its own */
  registeredAs: string | null;
  /** all its work is answered with this error, so that nobody knows whether it was taken */
  performError: string | null;
  /** `process_guid.index` that it refuses */
  rejectLrps: string[];
  /** task guids that it refuses */
  rejectTasks: string[];
}

export const cellBehaviour: Read<CellBehaviour> = object<CellBehaviour>({
  stateError: optional<string | null>('state_error', text, null),
  registeredAs: optional<string | null>('registered_as', text, null),
  performError: optional<string | null>('perform_error', text, null),
  rejectLrps: optional('reject_lrps', texts, []),
  rejectTasks: optional('reject_tasks', texts, []),
});
