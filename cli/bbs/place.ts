import { join, resolve } from 'node:path';
import { usageError } from '../args.js';
import type { Context } from '../context.js';
import { defaultDataDir } from '../http/target.js';

/** How a command names the board that it is about. */
export const PLACE_OPTIONS = {
  config: { type: 'string', short: 'c' },
  data: { type: 'string' },
  processes: { type: 'boolean' },
} as const;

export const PLACE_HELP = [
  ['-c, --config FILE', 'the configuration of the BBS; without: the system on this machine'],
  ['--data DIR', "where that system keeps its data, as 'outcry up' has it; without: ~/.outcry"],
  ['--processes', "it is one of 'outcry up --processes'"],
] as const;

interface PlaceWords {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly processes?: boolean | undefined;
}

/** The door through which a board is reached that no API tells of; loaded by these commands alone. */
export const loadBackup = () => import('../../bbs/backup.js');

/** Where `outcry up --processes` has its BBS. */
const PROCESSES = 'processes/control/bbs.yml';

export const placeOf = async (context: Context, words: PlaceWords, usage: string) => {
  const { boardOfConfig, boardOfSystem } = await loadBackup();
  const { config, data, processes } = words;
  if (config !== undefined) {
    if (data !== undefined || processes) throw usageError(usage, 'give --config, or --data and --processes');
    return boardOfConfig(resolve(context.cwd, config));
  }
  const dataDir = resolve(context.cwd, data ?? defaultDataDir(context.env));
  return processes ? boardOfConfig(join(dataDir, PROCESSES)) : boardOfSystem(dataDir);
};
