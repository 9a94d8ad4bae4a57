import type { CellState } from '../../../common/model/cell.js';
import { MAX_AMOUNT } from '../amounts.js';
import { column } from './column.js';
import type { Offers } from './offers.js';
import { sortByKey } from './radix.js';
import { shapesOf } from './shapes.js';

/**
 * The cells of a batch as rows of numbers. A cell's *position* is its place by offer, then shape, then zone, then
 * size, so that neighbours are alike; its *number* is its place in the order that settles ties.
 */
export interface Cells {
  readonly count: number;
  /** by position, CELL_FLOATS each: two cache lines a cell */
  readonly rows: Float64Array;
  /** by number */
  readonly position: Int32Array;
  readonly zoneCount: number;
}

export const CELL_FLOATS = 16;

/** Available, less what the batch has placed. MB; milli-CPU, UNCOUNTED where the cell does not account it. */
export const MEMORY = 0;
export const DISK = 1;
export const CONTAINERS = 2;
export const STARTING = 3;
export const TASKS = 4;
export const CPU = 5;
/** Position in the bin-pack order. */
export const INDEX = 6;
/** MB that each LRP needs on top. */
export const PROXY = 7;
export const TOTAL_MEMORY = 8;
export const TOTAL_DISK = 9;
export const TOTAL_CONTAINERS = 10;
/** 1 where the cell accounts CPU. */
export const ACCOUNTS_CPU = 11;
export const NUMBER = 12;
export const ZONE = 13;
export const OFFER = 14;
/** Cells of one offer with numbers near each other are of about one size; all 0 where they all are. */
export const SHAPE = 15;

/** Room for any request. */
export const UNCOUNTED = MAX_AMOUNT;

export interface Zones {
  readonly names: ReadonlyMap<string, number>;
  /** of each cell */
  readonly ofCell: Uint32Array;
}

/** Numbers zones by their names' order. */
export const numberZones = (states: readonly CellState[]): Zones => {
  const names = new Map([...new Set(states.map(({ zone }) => zone))].sort().map((name, at) => [name, at]));
  return { names, ofCell: column(states, ({ zone }) => names.get(zone)!) };
};

/** Numbers cells 0…n-1 within their zone. */
const indexInZone = (zone: Uint32Array, zoneCount: number): Uint32Array => {
  const next = new Uint32Array(zoneCount);
  return zone.map((name) => next[name]!++);
};

/** The numbers of cells in the order of their positions: by offer, then shape, then zone, then size. */
const positionOrder = ({ states, zones, offers }: CellsOptions, shapes: Uint32Array): Uint32Array => {
  const keys = [
    column(states, ({ total }) => total.diskMb),
    column(states, ({ total }) => total.memoryMb),
    zones.ofCell,
    shapes,
    offers.ofCell,
  ];
  const byNumber = new Uint32Array(states.length).map((_, number) => number);
  return keys.reduce((order, key) => sortByKey(order, key), byNumber);
};

export interface CellsOptions {
  /** in the order that settles ties; every total above 0 */
  states: readonly CellState[];
  zones: Zones;
  offers: Offers;
  /** the bin-pack order counts within zones */
  countsByZone: boolean;
}

/** Writes down a cell. */
const writeRow = (rows: Float64Array, at: number, state: CellState): void => {
  const { available, total, cpuMilliTotal } = state;
  rows[at + MEMORY] = available.memoryMb;
  rows[at + DISK] = available.diskMb;
  rows[at + CONTAINERS] = available.containers;
  rows[at + STARTING] = state.startingContainerCount;
  rows[at + TASKS] = state.taskCount;
  rows[at + CPU] = cpuMilliTotal > 0 ? state.cpuMilliAvailable : UNCOUNTED;
  rows[at + PROXY] = state.proxyMemoryMb;
  rows[at + TOTAL_MEMORY] = total.memoryMb;
  rows[at + TOTAL_DISK] = total.diskMb;
  rows[at + TOTAL_CONTAINERS] = total.containers;
  rows[at + ACCOUNTS_CPU] = cpuMilliTotal > 0 ? 1 : 0;
};

export const createCells = (options: CellsOptions): Cells => {
  const { states, zones, offers, countsByZone } = options;
  const shapes = shapesOf(states, offers);
  const order = positionOrder(options, shapes);
  const position = new Int32Array(states.length);
  const rows = new Float64Array(states.length * CELL_FLOATS);
  const index = countsByZone
    ? indexInZone(zones.ofCell, zones.names.size)
    : column(states, ({ cellIndex }) => cellIndex);
  for (let place = 0; place < order.length; place += 1) {
    const number = order[place]!;
    const at = place * CELL_FLOATS;
    position[number] = place;
    writeRow(rows, at, states[number]!);
    rows[at + INDEX] = index[number]!;
    rows[at + NUMBER] = number;
    rows[at + ZONE] = zones.ofCell[number]!;
    rows[at + OFFER] = offers.ofCell[number]!;
    rows[at + SHAPE] = shapes[number]!;
  }
  return { count: states.length, rows, position, zoneCount: zones.names.size };
};

/** What takes a place. MB, milli-CPU; `memory` without the cell's proxy. */
export interface Taking {
  readonly kind: 'lrp' | 'task';
  readonly memory: number;
  readonly disk: number;
  readonly cpu: number;
}

/** A placement takes one container and makes one more that is starting. */
export const takePlace = (
  { rows }: Cells,
  position: number,
  { kind, memory, disk, cpu }: Taking,
  reservesProxy: boolean,
): void => {
  const at = position * CELL_FLOATS;
  rows[at + MEMORY]! -= kind === 'lrp' && reservesProxy ? memory + rows[at + PROXY]! : memory;
  rows[at + DISK]! -= disk;
  rows[at + CONTAINERS]! -= 1;
  rows[at + CPU]! -= rows[at + ACCOUNTS_CPU]! * cpu;
  rows[at + STARTING]! += 1;
  if (kind === 'task') rows[at + TASKS]! += 1;
};
