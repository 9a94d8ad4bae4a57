import type { VolumeMountedFile } from '../../common/model/action.js';
import { BINDINGS_ROOT } from './container-runtime.js';

/** bytes of all files of one process together, as the Cloud Controller allows them */
const MOST_BYTES = 1_000_000;

/** The path of a file below BINDINGS_ROOT, made plain; undefined when it leads anywhere else. */
export const bindingPath = (path: string): string | undefined => {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const isBad = parts.length === 0 || path.includes('\0') || parts.includes('..') || path.endsWith('/');
  return isBad ? undefined : parts.join('/');
};

/** Why files cannot be placed, as the reason of a crash; '' = they can. */
export const filesProblem = (files: readonly VolumeMountedFile[]): string => {
  const said = (problem: string): string => `failed to create volume mounted files: ${problem}`;
  const outside = files.find(({ path }) => bindingPath(path) === undefined);
  if (outside !== undefined) return said(`${JSON.stringify(outside.path)} is no path below ${BINDINGS_ROOT}`);
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  return bytes > MOST_BYTES ? said(`${bytes} bytes are more than ${MOST_BYTES}`) : '';
};
