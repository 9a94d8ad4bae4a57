import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isToken } from '../../common/model/ids.js';
import type { Random } from '../../common/ports/random.js';
import { writeWhole } from '../../common/runtime/whole-file.js';

/**
 * Who holds the cell's presence. Kept with the cell's notes, so that a rep that was killed and started
 * again is the same holder and need not wait for its own lease to run out.
 */
export const presenceOwner = async (stateDir: string, random: Random): Promise<string> => {
  if (stateDir === '') return random.uuid();
  const path = join(stateDir, 'presence-owner');
  const kept = await readFile(path, 'utf8').catch(() => '');
  if (kept !== '' && isToken(kept)) return kept;
  const owner = random.uuid();
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await writeWhole(path, owner);
  return owner;
};
