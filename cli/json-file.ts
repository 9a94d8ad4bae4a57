import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { OutcryError } from '../common/model/errors.js';
import type { Context } from './context.js';
import { unreadable } from './push/files.js';

const STDIN = 0;

/** A file of JSON that a command is given; `-`: from stdin. FILE_UNREADABLE, or FILE_INVALID when it is not JSON. */
export const readJson = (context: Context, name: string): unknown => {
  let text: string;
  try {
    text = readFileSync(name === '-' ? STDIN : resolve(context.cwd, name), 'utf8');
  } catch (error) {
    throw unreadable(name, error);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const problem = error instanceof Error ? error.message : 'not JSON';
    throw new OutcryError('FILE_INVALID', { path: name, problem: `not JSON: ${problem}` });
  }
};
