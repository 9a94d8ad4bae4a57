import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface ClearCellsOptions {
  /** of the deployment */
  readonly dir: string;
  /** that will start; whatever is not theirs goes */
  readonly cells: readonly string[];
  /** what cells themselves do with leftovers in one data directory; answers what is to be told, a line each */
  remove(left: { dataDir: string; cellIds: readonly string[] }): Promise<string[]>;
}

/** Removes what a crash left of the cells below a deployment: of those that are no more, or had another runtime. */
export const clearCells = async ({ dir, cells, remove }: ClearCellsOptions): Promise<string[]> => {
  const known = readdirSync(dir).filter((name) => existsSync(join(dir, name, 'cell.yml')));
  const said: string[] = [];
  for (const id of known) {
    const dataDir = join(dir, id, 'data');
    // made before the cell makes it: which engine is used is written there
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    said.push(...(await remove({ dataDir, cellIds: cells.includes(id) ? [id] : [] })));
  }
  return said;
};
