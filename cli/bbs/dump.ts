import { once } from 'node:events';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileReason } from '../../common/model/file-reason.js';
import { OutcryError } from '../../common/model/errors.js';
import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { plural } from '../output.js';
import { loadBackup, PLACE_HELP, PLACE_OPTIONS, placeOf } from './place.js';

const USAGE = 'bbs dump [FILE] [--config FILE] [--data DIR [--processes]]';

type Dump = (write: (lines: string) => Promise<void>) => Promise<number>;

const writeTo = async (stream: WriteStream, lines: string): Promise<void> => {
  if (!stream.write(lines)) await once(stream, 'drain');
};

/** Appears under its name only when it is whole: a dump that broke off replaces none. It has secrets in it. */
const dumpToFile = async (path: string, dump: Dump): Promise<number> => {
  const made = `${path}.new`;
  const stream = createWriteStream(made, { mode: 0o600 });
  const failed = once(stream, 'error').then(([error]) => {
    throw new OutcryError('FILE_UNWRITABLE', { path, reason: fileReason(error) }, { cause: error });
  });
  failed.catch(() => undefined);
  try {
    const rows = await Promise.race([failed, dump((lines) => writeTo(stream, lines))]);
    stream.end();
    await Promise.race([failed, finished(stream)]);
    renameSync(made, path);
    return rows;
  } catch (error) {
    stream.destroy();
    rmSync(made, { force: true });
    throw error;
  }
};

const dumpToStdout = ({ print, drained }: Context, dump: Dump): Promise<number> =>
  dump((lines) => {
    print(lines.trimEnd());
    return drained();
  });

export const dump: Command = {
  name: 'dump',
  usage: USAGE,
  summary: 'write the whole bulletin board as lines of JSON, whether it runs or not',
  options: [['FILE', 'where to; without, or -: stdout'], ...PLACE_HELP],
  async run(context, args) {
    const { values, positionals } = readArgs(
      { usage: USAGE, options: PLACE_OPTIONS, words: ['[FILE]'] },
      args,
    );
    const place = await placeOf(context, values, USAGE);
    const { dumpBoard } = await loadBackup();
    const all: Dump = (write) => dumpBoard(place, write);
    const [file = '-'] = positionals;
    const rows =
      file === '-' ? await dumpToStdout(context, all) : await dumpToFile(resolve(context.cwd, file), all);
    context.note(`${plural(rows, 'row')}${file === '-' ? '' : ` in ${file}`}`);
    return 0;
  },
};
