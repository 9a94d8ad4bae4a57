import { readArgs } from '../args.js';
import type { Command, Context } from '../context.js';
import { compactTable } from '../output.js';
import type { Explanation, Standing } from './answers.js';
import { BASE, JSON_OPTION, moment, printJson, printMore, shortId, some } from './show.js';

const USAGE = 'auction explain NAME [--json]';

const HEADING = [
  'zone',
  'instances',
  'cells',
  'other rootfs',
  'no driver',
  'other tags',
  'short of memory',
  'of disk',
  'of cpu',
  'of containers',
  'room',
];

const rowOf = (zone: string, instances: number, standing: Standing): string[] => [
  zone,
  some(instances),
  String(standing.cells),
  some(standing.rootfs),
  some(standing.volume_drivers),
  some(standing.placement_tags),
  some(standing.short_of_memory),
  some(standing.short_of_disk),
  some(standing.short_of_cpu),
  some(standing.short_of_containers),
  String(standing.room),
];

const OUTCOMES: Record<Explanation['state'], (told: Explanation) => string> = {
  unheard: () => 'in no recorded batch',
  waiting: () => 'waits for the next batch, which follows at once',
  placed: ({ cell_id: cell }) => `placed on ${cell}`,
  refused: ({ cell_id: cell }) => `refused by ${cell}`,
  failed: () => 'no place',
  unknown: ({ cell_id: cell }) => `sent to ${cell}, which has not said whether it took it`,
};

/** What was asked for by the name of an application has it before the board's own guid. */
const called = (asked: string, id: string): string =>
  asked === id || id.startsWith(`${asked}.`) ? id : `${asked}, ${id}`;

const headOf = (told: Explanation, asked: string): string => {
  const { id, state, batch_id: batch, at, instances, instances_placed: placed } = told;
  const where = batch === '' ? '' : `, in batch ${shortId(batch)} of ${moment(at)}`;
  const others = instances > 1 ? ` (${placed} of its ${instances} instances there got a place)` : '';
  return `${called(asked, id)}: ${OUTCOMES[state](told)}${where}${others}`;
};

const printLines = (context: Context, title: string, lines: readonly string[]): void => {
  if (lines.length > 0) context.print([`\n${title}`, ...lines.map((line) => `  ${line}`)].join('\n'));
};

const printStanding = (context: Context, told: Explanation): void => {
  const { standing, zones } = told;
  if (!standing) return;
  const all = zones.length > 1 ? [rowOf('all', 0, standing)] : [];
  const rows = zones.map((one) => rowOf(one.zone, one.instances, one.standing));
  context.print(`\n${compactTable([HEADING, ...rows, ...all])}`);
  printMore(context, told.more_zones, 'zones');
};

const show = (context: Context, told: Explanation, asked: string): void => {
  context.print(headOf(told, asked));
  if (told.text !== '') context.print(told.text);
  printStanding(context, told);
  const bids = told.best.map(({ cell_id: cell, zone, score }) => [`  ${cell}`, zone, score]);
  if (bids.length > 0) {
    context.print(
      `\nbest bids at that moment (the lowest score wins):\n${compactTable([['  cell', 'zone', 'score'], ...bids])}`,
    );
  }
  printLines(context, 'it would have a place:', told.would_fit);
  const excluded = told.excluded.map(({ cell_id: cell, reason }) => `${cell}: ${reason}`);
  printLines(context, 'cells that took no part:', excluded);
  printMore(context, told.more_excluded, 'such cells');
};

export const explain: Command = {
  name: 'explain',
  usage: USAGE,
  summary: 'why something has its place, or none: the latest batch that it was in',
  options: [
    ['NAME', "an application's name, a process guid or a task's; with .INDEX one instance of it"],
    JSON_OPTION,
  ],
  async run(context, args) {
    const options = { json: { type: 'boolean' } } as const;
    const { values, positionals } = readArgs({ usage: USAGE, options, words: ['NAME'] }, args);
    const [asked = ''] = positionals;
    const path = `${BASE}/explanations/${encodeURIComponent(asked)}`;
    const told = await context.api().fetch<Explanation>({ method: 'GET', path });
    if (values.json) printJson(context, told);
    else show(context, told, asked);
    return 0;
  },
};
