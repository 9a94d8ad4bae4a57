import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { plural } from '../output.js';
import type { Replay } from './answers.js';
import { BASE, JSON_OPTION, moment, printJson, printMore, shortId } from './show.js';

const USAGE = 'auction replay BATCH [--json]';

const show = (context: Context, replay: Replay): void => {
  const counts = `${plural(replay.placements, 'placement')}, ${plural(replay.failures, 'failure')}`;
  const what = `batch ${shortId(replay.id)} of ${moment(replay.at)}`;
  if (replay.state === 'same') {
    context.print(`${what}\nsame: ${counts}, sha256 ${replay.sha256}`);
    return;
  }
  context.print(`${what}\ndifferent: sha256 ${replay.sha256} recorded, ${replay.replayed_sha256} now`);
  for (const { line, recorded, replayed } of replay.differences) {
    context.print(`line ${line}\n  recorded  ${recorded}\n  now       ${replayed}`);
  }
  printMore(context, replay.more_differences, 'lines that differ');
};

export const replay: Command = {
  name: 'replay',
  usage: USAGE,
  summary: 'decide a recorded batch again; the exit status says whether the decision is the same',
  options: [['BATCH', "its id, or the beginning of it, as 'outcry auction list' shows it"], JSON_OPTION],
  async run(context, args) {
    const options = { json: { type: 'boolean' } } as const;
    const { values, positionals } = readArgs({ usage: USAGE, options, words: ['BATCH'] }, args);
    const path = `${BASE}/batches/${encodeURIComponent(positionals[0] ?? '')}/replay`;
    const answer = await context.api().fetch<Replay>({ method: 'GET', path });
    if (values.json) printJson(context, answer);
    else show(context, answer);
    return answer.state === 'same' ? 0 : 1;
  },
};
