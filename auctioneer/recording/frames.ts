import type { CellState } from '../../common/model/cell.js';
import { decode, encode } from '../../common/wire/codec.js';
import type { Slices } from './slices.js';

/** Bytes that a kept state needs beside its own, and what is remembered of its cell while its frames grow. */
const OVERHEAD_BYTES = 250;

/** What tells a cell's state from its next one, and where the state stands. */
interface Known {
  incarnation: string;
  version: number;
  /** what a placement takes: a state may be one that batches have reserved places of since the cell told it */
  used: string;
  number: number;
}

/**
 * Cell states of several batches: all of the first one (the key frame), then those that have changed. Batches
 * name their states by number.
 */
export interface Frames {
  readonly states: Uint8Array[];
  bytes: number;
  /** the newest state of each cell; emptied when no batch is added any more */
  readonly known: Map<string, Known>;
  /** what each backend told in the latest batch */
  readonly latest: Told[];
}

interface Told {
  readonly states: readonly CellState[];
  readonly numbers: Uint32Array;
}

export const createFrames = (): Frames => ({ states: [], bytes: 0, known: new Map(), latest: [] });

/** No batch is added any more. */
export const closeFrames = ({ known, latest }: Frames): void => {
  known.clear();
  latest.length = 0;
};

const usedOf = ({
  available,
  cpuMilliAvailable,
  taskCount,
  startingContainerCount,
  evacuating,
}: CellState): string =>
  `${available.memoryMb} ${available.diskMb} ${available.containers} ${cpuMilliAvailable} ${taskCount} ` +
  `${startingContainerCount} ${evacuating}`;

const add = (frames: Frames, state: CellState): number => {
  const { cellId, incarnation, version } = state;
  const known = frames.known.get(cellId);
  const used = usedOf(state);
  if (known?.version === version && known.incarnation === incarnation && known.used === used)
    return known.number;
  const bytes = encode('CellState', state);
  const number = frames.states.push(bytes) - 1;
  frames.bytes += bytes.byteLength + OVERHEAD_BYTES;
  frames.known.set(cellId, { incarnation, version, used, number });
  return number;
};

/** The numbers of the states that a backend told, the first, second, … of the batch, in their order; those that have changed are added. */
export const addStates = async (
  frames: Frames,
  { backend, states }: { backend: number; states: readonly CellState[] },
  slices: Slices,
): Promise<Uint32Array> => {
  const numbers = new Uint32Array(states.length);
  const before = frames.latest[backend];
  for (let at = 0; at < states.length; at += 1) {
    const state = states[at] as CellState;
    // most cells tell nothing new between two batches
    if (before?.states[at] === state) numbers[at] = before.numbers[at] ?? 0;
    else {
      numbers[at] = add(frames, state);
      await slices.rest();
    }
  }
  frames.latest[backend] = { states, numbers };
  return numbers;
};

const readState = (frames: Frames, number: number): CellState => {
  const state = decode('CellState', frames.states[number] ?? new Uint8Array());
  if (!state.ok) throw new Error(`recorded cell state ${number}: ${state.error.message}`);
  return state.value;
};

export const statesAt = async (
  frames: Frames,
  numbers: Uint32Array,
  slices: Slices,
): Promise<CellState[]> => {
  const states: CellState[] = [];
  for (const number of numbers) {
    states.push(readState(frames, number));
    await slices.rest();
  }
  return states;
};
