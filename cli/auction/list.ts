import { OutcryError } from '../../common/model/errors.js';
import { readArgs, readCount } from '../args.js';
import type { Command } from '../context.js';
import { compactTable } from '../output.js';
import type { BatchSummary, Batches } from './answers.js';
import { BASE, JSON_OPTION, moment, printJson, shortId, some } from './show.js';

const USAGE = 'auction list [-n BATCHES] [--json]';
const MAX = 500;

const HEADING = [
  'batch',
  'when',
  'cells',
  'auctions',
  'placed',
  'refused',
  'failed',
  'unknown',
  'states',
  'decide',
  'commit',
];

const rowOf = (batch: BatchSummary): string[] => [
  shortId(batch.id),
  moment(batch.at),
  String(batch.cells),
  String(batch.auctions),
  String(batch.placed),
  some(batch.refused),
  some(batch.failed),
  some(batch.unknown),
  `${batch.states_ms} ms`,
  `${batch.decide_ms} ms`,
  `${batch.commit_ms} ms`,
];

const endOf = ({ more_batches: more, dropped }: Batches): string => {
  const kept =
    more === 0 ? '' : `${more} older ${more === 1 ? 'one is' : 'ones are'} recorded (-n shows more)`;
  const gone = dropped === 0 ? '' : `${dropped} dropped for want of room`;
  return [kept, gone].filter((part) => part !== '').join('; ');
};

export const list: Command = {
  name: 'list',
  usage: USAGE,
  summary: 'list the batches that are recorded, newest first',
  options: [['-n BATCHES', `so many at most, up to ${MAX}; without: 20`], JSON_OPTION],
  async run(context, args) {
    const options = { number: { type: 'string', short: 'n' }, json: { type: 'boolean' } } as const;
    const { values } = readArgs({ usage: USAGE, options, words: [] }, args);
    const limit = readCount(values.number, { name: '-n', min: 1, max: MAX, usage: USAGE }) ?? 20;
    const path = `${BASE}/batches?limit=${limit}`;
    const answer = await context.api().fetch<Batches>({ method: 'GET', path });
    if (!answer.recording) throw new OutcryError('RECORDING_OFF');
    if (values.json) printJson(context, answer);
    else if (answer.batches.length === 0) context.print('no batch is recorded yet');
    else {
      context.print(compactTable([HEADING, ...answer.batches.map(rowOf)]));
      const end = endOf(answer);
      if (end !== '') context.print(end);
    }
    return 0;
  },
};
