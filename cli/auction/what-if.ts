import { readArgs, readCount, readSize, usageError } from '../args.js';
import type { Command, Context } from '../context.js';
import { compactTable, plural } from '../output.js';
import type { Tally, WhatIf } from './answers.js';
import { BASE, JSON_OPTION, names, printJson, printMore } from './show.js';

const USAGE =
  'auction what-if [--drain CELL…] [--lose-zone ZONE] [--add-cells N:MEMORY:DISK[:ZONE]] [--json]';

const OPTIONS = {
  drain: { type: 'string', multiple: true },
  'lose-zone': { type: 'string', multiple: true },
  'add-cells': { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

const MAX_ADDED = 10_000;

const readAdded = (text: string) => {
  const [count, memory, disk, zone = '', ...rest] = text.split(':');
  if (memory === undefined || disk === undefined || rest.length > 0)
    throw usageError(USAGE, `--add-cells takes N:MEMORY:DISK or N:MEMORY:DISK:ZONE, not '${text}'`);
  const option = { name: '--add-cells', usage: USAGE };
  return {
    count: readCount(count, { ...option, name: 'the number in --add-cells', min: 1, max: MAX_ADDED }),
    memory_mb: readSize(memory, { ...option, name: 'the memory in --add-cells' }),
    disk_mb: readSize(disk, { ...option, name: 'the disk in --add-cells' }),
    zone,
  };
};

/** Several may be named at once: `--drain a,b` and `--drain a b`. */
const readQuestion = (args: readonly string[]) => {
  const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: [], rest: true }, args);
  const [word] = positionals;
  if (word !== undefined && values.drain === undefined) throw usageError(USAGE, `unexpected '${word}'`);
  const listed = (texts: readonly string[] = []): string[] =>
    texts.flatMap((text) => text.split(',')).filter((name) => name !== '');
  const question = {
    drain: listed([...(values.drain ?? []), ...positionals]),
    lose_zones: listed(values['lose-zone']),
    add: (values['add-cells'] ?? []).map(readAdded),
  };
  if (question.drain.length + question.lose_zones.length + question.add.length === 0)
    throw usageError(USAGE, '--drain, --lose-zone or --add-cells is missing');
  return { question, json: values.json === true };
};

const headOf = (answer: WhatIf): string => {
  const gone = answer.removed.length === 0 ? '' : `, without ${names(answer.removed, answer.more_removed)}`;
  const come = answer.added === 0 ? '' : `, with ${plural(answer.added, 'new one')}`;
  return `${plural(answer.cells, 'cell')} now${gone}${come}:`;
};

const tally = ({ instances, placed }: Tally, what: string): string =>
  `${placed} of ${plural(instances, what)}`;

const printTallies = (context: Context, { removed, moved, added, waiting }: WhatIf): void => {
  if (removed.length > 0) {
    context.print(
      moved.instances === 0
        ? '  no instance runs there'
        : `  ${tally(moved, 'instance')} there would have another place`,
    );
  }
  if (added === 0) return;
  context.print(
    waiting.instances === 0
      ? '  nothing waits for a place now'
      : `  ${tally(waiting, 'auction')} waiting now would have a place`,
  );
};

const printPlaces = (context: Context, answer: WhatIf): void => {
  const zones = answer.zones.map(({ zone, cells, placed }) => [zone, String(cells), String(placed)]);
  context.print(`\n${compactTable([['zone', 'cells', 'placed'], ...zones])}`);
  printMore(context, answer.more_zones, 'zones');
  if (answer.places.length === 0) return;
  const cells = answer.places.map((place) => [
    place.cell_id,
    place.zone,
    String(place.placed),
    `${place.memory_mb} MB`,
    `${place.disk_mb} MB`,
  ]);
  context.print(`\n${compactTable([['cell', 'zone', 'placed', 'memory left', 'disk left'], ...cells])}`);
  printMore(context, answer.more_places, 'cells');
};

const printLosses = (context: Context, answer: WhatIf): void => {
  const rows = answer.without_place.map(({ id, instances, reason, waits }) => [
    id,
    String(instances),
    waits ? 'waits now too' : '',
    reason,
  ]);
  if (rows.length > 0)
    context.print(`\n${compactTable([['without a place', 'instances', '', 'why'], ...rows])}`);
  printMore(context, answer.more_without_place, 'without a place');
  if (answer.lost_tasks.length > 0) {
    context.print('\ntasks that would fail, since a task is run at most once:');
    context.print(`  ${names(answer.lost_tasks, answer.more_lost_tasks)}`);
  }
  if (answer.silent.length > 0) {
    context.print(`\ncells that do not answer take no work: ${names(answer.silent, answer.more_silent)}`);
  }
};

export const whatIf: Command = {
  name: 'what-if',
  usage: USAGE,
  summary: 'what would become of the work if cells went, or came; nothing is changed',
  options: [
    ['--drain CELL…', 'without these cells'],
    ['--lose-zone ZONE', 'without the cells of this zone'],
    ['--add-cells N:MEMORY:DISK[:ZONE]', 'with N cells more, such as most are but for their size: 3:8G:64G'],
    JSON_OPTION,
  ],
  async run(context, args) {
    const { question, json } = readQuestion(args);
    const path = `${BASE}/what_if`;
    const answer = await context.api().fetch<WhatIf>({ method: 'POST', path, json: question });
    if (json) {
      printJson(context, answer);
      return 0;
    }
    context.print(headOf(answer));
    printTallies(context, answer);
    printPlaces(context, answer);
    printLosses(context, answer);
    return 0;
  },
};
