import { dump } from '../bbs/dump.js';
import { restore } from '../bbs/restore.js';
import { componentWith } from './component.js';

/** Runs the bulletin board, or looks after what it keeps. */
export const bbs = componentWith(
  'bbs',
  [dump, restore],
  'run the bulletin board; write all that it keeps to a file, and back',
);
