import { readFileSync } from 'node:fs';
import { OutcryError } from '../common/model/errors.js';
import { fileReason } from '../common/model/file-reason.js';
import { compileErrorPage } from './core/error-page.js';
import type { ErrorPage } from './core/error-page.js';

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OutcryError('FILE_INVALID', { path, problem: fileReason(cause) }, { cause });
  }
};

/** The page that the template in that file makes; FILE_INVALID when there is none, or it cannot be used. */
export const openErrorPage = (path: string | undefined): ErrorPage | undefined => {
  if (path === undefined) return undefined;
  const page = compileErrorPage(read(path));
  if (!page.ok) throw new OutcryError('FILE_INVALID', { path, problem: page.error });
  return page.value;
};
