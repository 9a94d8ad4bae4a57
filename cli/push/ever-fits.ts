import type { Context } from '../context.js';
import { cellsOf } from '../http/apps.js';
import type { CellResources, Process } from '../http/resources.js';

const fits = ({ memory_in_mb, disk_in_mb }: Process, cell: CellResources): boolean =>
  memory_in_mb <= (cell.memory_mb ?? 0) && disk_in_mb <= (cell.disk_mb ?? 0) && (cell.containers ?? 0) > 0;

/**
 * Whether any cell, however empty, could take an instance: when none could, waiting is of no use. Where no cell
 * can be asked, one could.
 */
export const everFits = async (context: Context, process: Process): Promise<boolean> => {
  try {
    const totals = (await cellsOf(context.api())).flatMap(({ state }) => (state ? [state.total ?? {}] : []));
    return totals.length === 0 || totals.some((total) => fits(process, total));
  } catch {
    context.interrupted.throwIfAborted();
    return true;
  }
};
