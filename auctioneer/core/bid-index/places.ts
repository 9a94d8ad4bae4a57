/** Places of processes in one array: those of one process lie side by side, so that walking them is quick. */
import { NONE } from '../bids.js';

export interface Place {
  /** of the cell; NONE: one that takes no part */
  position: number;
  zone: number;
  /** instances there */
  count: number;
}

/** Integers of a place. */
export const POSITION = 0;
export const ZONE = 1;
export const COUNT = 2;
export const PLACE_INTS = 3;

/** Integers of a process: where its places begin, where they end, where its room ends. */
const FROM = 0;
const TO = 1;
const ROOM = 2;
const PROCESS_INTS = 3;

export interface Places {
  /** PLACE_INTS each; a new array when it has grown */
  ints(): Int32Array;
  /** the range of a process */
  from(process: number): number;
  to(process: number): number;
  /** one more instance on a cell */
  add(process: number, position: number, zone: number): void;
  /** the same, on a cell that the process has no place on yet */
  append(process: number, place: Place): void;
  clear(process: number): void;
}

/** The index of a process's place on that cell, or NONE. */
const findPlace = (ints: Int32Array, from: number, to: number, position: number): number => {
  for (let at = from; at < to; at += PLACE_INTS) {
    if (ints[at + POSITION] === position) return at;
  }
  return NONE;
};

/** `room`: places to expect, per process. */
export const createPlaces = (room: Iterable<number>): Places => {
  const rooms = [...room];
  const ranges = new Int32Array(rooms.length * PROCESS_INTS);
  let end = 0;
  for (const [process, places] of rooms.entries()) {
    const head = process * PROCESS_INTS;
    ranges[head + FROM] = ranges[head + TO] = end;
    end += places * PLACE_INTS;
    ranges[head + ROOM] = end;
  }
  let ints = new Int32Array(end);

  const grow = (length: number): void => {
    if (length <= ints.length) return;
    const larger = new Int32Array(length * 2);
    larger.set(ints);
    ints = larger;
  };

  /** To the end, with twice the room. */
  const move = (head: number): void => {
    const [from, to] = [ranges[head + FROM]!, ranges[head + TO]!];
    const size = Math.max(PLACE_INTS, 2 * (to - from));
    grow(end + size);
    ints.copyWithin(end, from, to);
    ranges[head + FROM] = end;
    ranges[head + TO] = end + to - from;
    end += size;
    ranges[head + ROOM] = end;
  };

  const append = (process: number, position: number, zone: number): number => {
    const head = process * PROCESS_INTS;
    if (ranges[head + TO] === ranges[head + ROOM]) move(head);
    const at = ranges[head + TO]!;
    ints[at + POSITION] = position;
    ints[at + ZONE] = zone;
    ranges[head + TO] = at + PLACE_INTS;
    return at;
  };

  return {
    ints: () => ints,
    from: (process) => ranges[process * PROCESS_INTS + FROM]!,
    to: (process) => ranges[process * PROCESS_INTS + TO]!,
    append(process, { position, zone, count }) {
      const at = append(process, position, zone);
      ints[at + COUNT] = count;
    },
    add(process, position, zone) {
      const head = process * PROCESS_INTS;
      const found = findPlace(ints, ranges[head + FROM]!, ranges[head + TO]!, position);
      if (found === NONE) {
        const at = append(process, position, zone);
        ints[at + COUNT] = 1;
      } else {
        ints[found + COUNT]! += 1;
      }
    },
    clear(process) {
      const head = process * PROCESS_INTS;
      ranges[head + TO] = ranges[head + FROM]!;
    },
  };
};
