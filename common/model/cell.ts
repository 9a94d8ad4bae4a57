/** Resources are integers. */
export interface Resources {
  /** MB */
  memoryMb: number;
  /** MB */
  diskMb: number;
  containers: number;
}

/** What kinds of root file system a cell takes, by URL scheme. */
export type RootfsProvider = { type: 'arbitrary' } | { type: 'fixed_set'; set: string[] };

/**
 * What a rep says of its cell, as it travels on the bus: counts per process guid instead of a record
 * per LRP (design §5). `(incarnation, version)` orders the states of one cell.
 */
export interface CellState {
  cellId: string;
  cellIndex: number;
  repUrl: string;
  /** new with every start of the rep; work for another incarnation is refused */
  incarnation: string;
  /** +1 with every change within an incarnation */
  version: number;
  rootfsProviders: Record<string, RootfsProvider>;
  available: Resources;
  total: Resources;
  /** milli-CPU; total 0 = the cell does not account CPU, and CPU never filters there */
  cpuMilliAvailable: number;
  cpuMilliTotal: number;
  lrpCounts: ReadonlyMap<string, number>;
  taskCount: number;
  startingContainerCount: number;
  zone: string;
  evacuating: boolean;
  /** false: present for its counts only, takes no work (design §7) */
  placeable: boolean;
  volumeDrivers: string[];
  /** required tags: work must want them all */
  placementTags: string[];
  optionalPlacementTags: string[];
  /** MB of proxy memory added to each LRP on this cell */
  proxyMemoryMb: number;
}

/** A cell's presence: the value of its lease. JSON names are Diego's CellPresence. */
export interface CellPresence {
  cellId: string;
  repAddress: string;
  zone: string;
  capacity: Resources;
  rootfsProviders: { name: string; properties: string[] }[];
  placementTags: string[];
  optionalPlacementTags: string[];
  repUrl: string;
  annotations: Record<string, string>;
}
