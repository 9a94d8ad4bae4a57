import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { detect } from '../../common/model/detect.js';
import { readIgnores } from './ignores.js';

const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * Whether staging will find a start command in what is pushed of `dir`. Asked before anything is sent, so that
 * nothing is left half-made.
 */
export const hasStartCommand = async (dir: string): Promise<boolean> => {
  const ignores = await readIgnores(dir);
  const text = (name: string): string | undefined =>
    ignores(name, false) ? undefined : textOf(join(dir, name));
  const [procfile, packageJson] = [text('Procfile'), text('package.json')];
  const { processTypes } = detect({
    has: (path) => !ignores(path, false) && existsSync(join(dir, path)),
    ...(procfile === undefined ? {} : { procfile }),
    ...(packageJson === undefined ? {} : { packageJson }),
  });
  return processTypes.web !== undefined;
};
