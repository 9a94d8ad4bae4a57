export type { CellHandlers, ContainerChange, ContainerWatcher, WorkSource } from './work-source.js';
export type { Grants } from './core/grants.js';
export type { ContainerEnd, RunOutcome, StopCause } from './core/life-cycle.js';
export type { CellPresence, CellState, Resources, RootfsProvider } from '../common/model/cell.js';
