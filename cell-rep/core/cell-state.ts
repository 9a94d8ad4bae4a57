import type { CellPresence, CellState, RootfsProvider } from '../../common/model/cell.js';
import type { Ledger } from './ledger.js';
import type { Demand } from './resources.js';

/** What does not change while the rep lives. */
export interface CellFacts {
  cellId: string;
  cellIndex: number;
  repUrl: string;
  /** the cell's address, as routers and neighbours reach it */
  address: string;
  incarnation: string;
  total: Demand;
  /** its room is granted by who gives it work: it is no place in an auction (design §7) */
  lent?: true;
  zone: string;
  rootfsProviders: Record<string, RootfsProvider>;
  volumeDrivers: string[];
  placementTags: string[];
  optionalPlacementTags: string[];
  annotations: Record<string, string>;
  /** MB */
  proxyMemoryMb: number;
}

export interface CellSituation {
  evacuating: boolean;
  /** false: counted, but given no work */
  placeable: boolean;
  /** +1 with every change, of the books or of the situation */
  version: number;
}

const resources = ({ memoryMb, diskMb, containers }: Demand) => ({ memoryMb, diskMb, containers });

export const buildCellState = (facts: CellFacts, ledger: Ledger, situation: CellSituation): CellState => ({
  cellId: facts.cellId,
  cellIndex: facts.cellIndex,
  repUrl: facts.repUrl,
  incarnation: facts.incarnation,
  rootfsProviders: facts.rootfsProviders,
  available: resources(ledger.available()),
  total: resources(ledger.total()),
  cpuMilliAvailable: ledger.available().cpuMilli,
  cpuMilliTotal: ledger.total().cpuMilli,
  zone: facts.zone,
  volumeDrivers: facts.volumeDrivers,
  placementTags: facts.placementTags,
  optionalPlacementTags: facts.optionalPlacementTags,
  proxyMemoryMb: facts.proxyMemoryMb,
  // what is spread comes last: before others it takes many times as long
  ...situation,
  ...ledger.counts(),
});

export const buildPresence = (facts: CellFacts): CellPresence => ({
  cellId: facts.cellId,
  repAddress: facts.address,
  zone: facts.zone,
  capacity: resources(facts.total),
  rootfsProviders: Object.entries(facts.rootfsProviders).map(([name, provider]) => ({
    name,
    properties: provider.type === 'fixed_set' ? provider.set : [],
  })),
  placementTags: facts.placementTags,
  optionalPlacementTags: facts.optionalPlacementTags,
  repUrl: facts.repUrl,
  annotations: facts.annotations,
});
