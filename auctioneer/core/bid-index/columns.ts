import type { CellState } from '../../../common/model/cell.js';
import type { Offers } from './offers.js';
import { sortByKey } from './radix.js';

/**
 * The cells of a batch as columns of numbers. A cell's *position* is its place in the tree: by zone, then offer,
 * then size, so that neighbours are alike; its *number* is its place in the order that settles ties.
 */
export interface Columns {
  readonly count: number;
  readonly number: Int32Array;
  /** by number */
  readonly position: Int32Array;
  readonly zone: Int32Array;
  readonly zoneCount: number;
  readonly offer: Int32Array;
  readonly totalMemory: Float64Array;
  readonly totalDisk: Float64Array;
  readonly totalContainers: Float64Array;
  /** available, less what the batch has placed; MB */
  readonly memory: Float64Array;
  readonly disk: Float64Array;
  readonly containers: Float64Array;
  /** milli-CPU; UNCOUNTED where the cell does not account it */
  readonly cpu: Float64Array;
  /** 1 where the cell accounts CPU */
  readonly accountsCpu: Uint8Array;
  /** MB that each LRP needs on top */
  readonly proxy: Float64Array;
  readonly starting: Float64Array;
  readonly tasks: Float64Array;
  /** position in the bin-pack order */
  readonly index: Float64Array;
}

/** Room for any request. */
export const UNCOUNTED = 2 ** 31 - 1;

const SIZE_BITS = 16;

/** Interleaves the bits of two 16-bit numbers, so that what is near in both is near in one order (Morton, 1966). */
const interleave = (a: number, b: number): number => {
  let key = 0;
  for (let bit = 0; bit < SIZE_BITS; bit += 1) {
    key += ((a >>> bit) & 1) * 2 ** (2 * bit) + ((b >>> bit) & 1) * 2 ** (2 * bit + 1);
  }
  return key;
};

/** Spreads values over 0…65535 on a logarithmic scale; what is equal stays equal. */
const scaled = (values: Float64Array): Uint32Array => {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const range = Math.log(most / least) || 1;
  return Uint32Array.from(values, (value) => Math.round((Math.log(value / least) / range) * 0xffff));
};

const column = (states: readonly CellState[], pick: (state: CellState) => number): Float64Array =>
  Float64Array.from(states, pick);

const ordered = <T extends Float64Array | Int32Array>(values: T, order: Uint32Array): T => {
  const result = values.slice() as T;
  for (const [position, number] of order.entries()) result[position] = values[number]!;
  return result;
};

export interface Zones {
  readonly names: Map<string, number>;
  /** of each cell */
  readonly ofCell: Int32Array;
}

export const numberZones = (states: readonly CellState[]): Zones => {
  const names = new Map([...new Set(states.map(({ zone }) => zone))].sort().map((name, at) => [name, at]));
  return { names, ofCell: Int32Array.from(states, ({ zone }) => names.get(zone)!) };
};

/** Numbers cells 0…n-1 within their zone. */
const indexInZone = (zone: Int32Array, zoneCount: number): Float64Array => {
  const next = new Float64Array(zoneCount);
  return Float64Array.from(zone, (name) => next[name]!++);
};

/** The order of positions: numbers by zone, then offer, then size. */
const positionOrder = (states: readonly CellState[], zones: Zones, offers: Offers): Uint32Array => {
  const memory = scaled(column(states, ({ total }) => total.memoryMb));
  const disk = scaled(column(states, ({ total }) => total.diskMb));
  const size = Uint32Array.from(memory, (value, at) => interleave(value, disk[at]!));
  const byNumber = Uint32Array.from(states, (_, at) => at);
  const bySize = sortByKey(byNumber, size);
  const byOffer = sortByKey(bySize, Uint32Array.from(offers.ofCell));
  return sortByKey(byOffer, Uint32Array.from(zones.ofCell));
};

export interface ColumnsOptions {
  /** in the order that settles ties; every total above 0 */
  states: readonly CellState[];
  zones: Zones;
  offers: Offers;
  /** the bin-pack order counts within zones */
  countsByZone: boolean;
}

export const createColumns = ({ states, zones, offers, countsByZone }: ColumnsOptions): Columns => {
  const order = positionOrder(states, zones, offers);
  const position = new Int32Array(states.length);
  for (const [at, number] of order.entries()) position[number] = at;
  const place = (pick: (state: CellState) => number): Float64Array => ordered(column(states, pick), order);
  const index = countsByZone
    ? indexInZone(zones.ofCell, zones.names.size)
    : column(states, ({ cellIndex }) => cellIndex);
  return {
    count: states.length,
    number: Int32Array.from(order),
    position,
    zone: ordered(zones.ofCell, order),
    zoneCount: zones.names.size,
    offer: ordered(offers.ofCell, order),
    totalMemory: place(({ total }) => total.memoryMb),
    totalDisk: place(({ total }) => total.diskMb),
    totalContainers: place(({ total }) => total.containers),
    memory: place(({ available }) => available.memoryMb),
    disk: place(({ available }) => available.diskMb),
    containers: place(({ available }) => available.containers),
    cpu: place(({ cpuMilliTotal, cpuMilliAvailable }) => (cpuMilliTotal > 0 ? cpuMilliAvailable : UNCOUNTED)),
    accountsCpu: Uint8Array.from(order, (number) => Number((states[number]?.cpuMilliTotal ?? 0) > 0)),
    proxy: place(({ proxyMemoryMb }) => proxyMemoryMb),
    starting: place(({ startingContainerCount }) => startingContainerCount),
    tasks: place(({ taskCount }) => taskCount),
    index: ordered(index, order),
  };
};
