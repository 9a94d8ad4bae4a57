import type { Context } from '../context.js';
import { cellsOf } from '../http/apps.js';
import type { Cell, CellResources, Process } from '../http/resources.js';

/** What the cells say of a process that has no place. */
export interface Outlook {
  /** no cell could ever take an instance, however empty */
  hopeless: boolean;
  /** `cell-1 comes nearest: 300 MB of memory short`; '' when no cell answers */
  nearest: string;
}

interface Miss {
  cell: string;
  memoryMb: number;
  diskMb: number;
  containers: number;
}

const short = (need: number, have: number | undefined): number => Math.max(0, need - (have ?? 0));

const missOf = (cell: string, { memory_in_mb, disk_in_mb }: Process, has: CellResources): Miss => ({
  cell,
  memoryMb: short(memory_in_mb, has.memory_mb),
  diskMb: short(disk_in_mb, has.disk_mb),
  containers: short(1, has.containers),
});

const isMiss = ({ memoryMb, diskMb, containers }: Miss): boolean => memoryMb + diskMb + containers > 0;

/** As near as memory is; disk and containers decide between equals. */
const byNearness = (a: Miss, b: Miss): number =>
  a.memoryMb - b.memoryMb || a.diskMb - b.diskMb || a.containers - b.containers || (a.cell < b.cell ? -1 : 1);

const inWords = ({ cell, memoryMb, diskMb, containers }: Miss): string => {
  const parts = [
    memoryMb > 0 ? `${memoryMb} MB of memory` : '',
    diskMb > 0 ? `${diskMb} MB of disk` : '',
    containers > 0 ? `${containers} container` : '',
  ].filter((part) => part !== '');
  return `${cell} comes nearest: ${parts.join(', ')} short`;
};

const judge = (process: Process, cells: readonly Cell[]): Outlook => {
  const live = cells.flatMap(({ cell_id: id, state }) => (state === null ? [] : [{ id, state }]));
  const hopeless =
    live.length > 0 && live.every(({ id, state }) => isMiss(missOf(id, process, state.total ?? {})));
  const misses = live.map(({ id, state }) => missOf(id, process, state.available ?? {}));
  const [nearest] = misses.filter(isMiss).sort(byNearness);
  return { hopeless, nearest: nearest === undefined ? '' : inWords(nearest) };
};

/** Asks the cells. What they cannot be asked is not known: then nothing is hopeless. */
export const outlookOf = async (context: Context, process: Process): Promise<Outlook> => {
  try {
    return judge(process, await cellsOf(context.api()));
  } catch {
    context.interrupted.throwIfAborted();
    return { hopeless: false, nearest: '' };
  }
};
