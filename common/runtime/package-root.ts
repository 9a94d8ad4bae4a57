import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const isOutcry = (dir: string): boolean => {
  const manifest = join(dir, 'package.json');
  return existsSync(manifest) && readFileSync(manifest, 'utf8').includes('"name": "outcry"');
};

let found: string | undefined;

/**
 * The directory of the project, for files that are read at run time but not compiled (`.proto`, `.pl`,
 * examples). Works from the sources and from the compiled tree alike.
 */
export const packageRoot = (): string => {
  if (found !== undefined) return found;
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!isOutcry(dir)) {
    const parent = dirname(dir);
    if (parent === dir) throw new Error('no package.json of outcry above ' + fileURLToPath(import.meta.url));
    dir = parent;
  }
  found = dir;
  return dir;
};
