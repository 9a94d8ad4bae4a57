export type { CellHandlers, WorkSource } from './work-source.js';
export type { CellPresence, CellState, Resources, RootfsProvider } from '../common/model/cell.js';
