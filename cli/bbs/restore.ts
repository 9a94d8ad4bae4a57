import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { plural } from '../output.js';
import { unreadable } from '../push/files.js';
import { loadBackup, PLACE_HELP, PLACE_OPTIONS, placeOf } from './place.js';

const USAGE = 'bbs restore FILE [--force] [--config FILE] [--data DIR [--processes]]';

const OPTIONS = { ...PLACE_OPTIONS, force: { type: 'boolean' } } as const;

const STDIN = '-';

/** The lines of a file, without their ends. FILE_UNREADABLE when it cannot be read to the end. */
async function* linesOf(context: Context, file: string): AsyncGenerator<string> {
  const stream = file === STDIN ? process.stdin : createReadStream(resolve(context.cwd, file));
  stream.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of stream) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  if (rest !== '') yield rest;
}

export const restore: Command = {
  name: 'restore',
  usage: USAGE,
  summary: 'put a dump into a bulletin board that does not run and is empty',
  options: [
    ['FILE', 'the dump; - reads it from stdin'],
    ['--force', 'what is there is replaced, all of it'],
    ...PLACE_HELP,
  ],
  async run(context, args) {
    const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: ['FILE'] }, args);
    const [file = STDIN] = positionals;
    const place = await placeOf(context, values, USAGE);
    const { restoreBoard } = await loadBackup();
    const lines = linesOf(context, file);
    const rows = await restoreBoard(place, { path: file, lines, force: values.force === true });
    context.print(`${plural(rows, 'row')} restored into ${place.dataDir}`);
    return 0;
  },
};
