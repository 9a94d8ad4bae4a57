import type { CellState } from '../../../common/model/cell.js';
import type { Processes } from '../asked.js';
import type { Bidders } from '../bidders.js';
import { NONE } from '../bids.js';
import * as cell from './cells.js';
import type { Zones } from './cells.js';
import type { BidForest } from './forest.js';
import { type Instances, createInstances } from './instances.js';
import { findListed } from './standing-instances.js';

interface Source extends Pick<Bidders, 'bidding' | 'counting'> {
  processes: Processes;
  zones: Zones;
  forest: BidForest;
}

/** Four numbers for each place: process, position, zone, instances. */
const FOUND = 4;

/** Where the cells have instances of the batch's processes already. */
const findInstances = ({ bidding, counting, processes, zones, forest }: Source): number[] => {
  const { cells } = forest;
  const found: number[] = [];
  const { numbers } = processes;
  const listed = findListed();
  const lookThrough = (counts: CellState['lrpCounts'], position: number, zone: number): void => {
    const add = (process: number | undefined, instances: number | undefined = 0): void => {
      if (process !== undefined && instances > 0) found.push(process, position, zone, instances);
    };
    // the cells have run far more processes than a small batch asks for
    if (numbers.size * 4 < counts.size) numbers.forEach((process, guid) => add(process, counts.get(guid)));
    else counts.forEach((instances, guid) => add(numbers.get(guid), instances));
  };
  const note = ({ lrpCounts }: CellState, position: number, zone: number): void => {
    if (!listed.note(lrpCounts, position, zone)) lookThrough(lrpCounts, position, zone);
  };
  for (let number = 0; number < bidding.length; number += 1) {
    const position = cells.position[number]!;
    note(bidding[number]!, position, cells.rows[position * cell.CELL_FLOATS + cell.ZONE]!);
  }
  for (const state of counting) {
    const zone = zones.names.get(state.zone);
    // a zone without a bid is never compared
    if (zone !== undefined) note(state, NONE, zone);
  }
  numbers.forEach((process, guid) =>
    listed.each(guid, (position, zone, instances) => void found.push(process, position, zone, instances)),
  );
  return found;
};

/** Counts those instances, on all cells, whose process is in the batch. */
export const countInstances = (source: Source): Instances => {
  const found = findInstances(source);
  const room = Uint32Array.from(source.processes.instances);
  for (let at = 0; at < found.length; at += FOUND) room[found[at]!]! += 1;
  const instances = createInstances(source.forest, room);
  for (let at = 0; at < found.length; at += FOUND) {
    const [process, position, zone, count] = [found[at]!, found[at + 1]!, found[at + 2]!, found[at + 3]!];
    instances.found(process, { position, zone, count });
  }
  return instances;
};
