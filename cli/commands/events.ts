import type { Happening, HistoryEntry } from '../../common/model/history.js';
import { readArgs, readCount } from '../args.js';
import { JSON_OPTION, moment, printJson } from '../auction/show.js';
import type { Command } from '../context.js';
import { compactTable } from '../output.js';

const USAGE = 'events NAME [-n EVENTS] [--json]';
const MAX = 10_000;
const DEFAULT = 50;
const NS_PER_MS = 1e6;

const OPTIONS = {
  events: { type: 'string', short: 'n' },
  json: { type: 'boolean' },
} as const;

/** As the API has it: what is empty may be left out. */
type Entry = Pick<HistoryEntry, 'number' | 'at' | 'what' | 'guid' | 'index'> & {
  more?: number;
  cell_id?: string;
  count?: number;
  reason?: string;
};

/** `text: reason` */
const because = (text: string, reason = ''): string => (reason === '' ? text : `${text}: ${reason}`);

const on = (text: string, cell = ''): string => (cell === '' ? text : `${text} ${cell}`);

const SAYS: Record<Happening, (entry: Entry) => string> = {
  desired: ({ count = 0 }) => `desired, with ${count} instance${count === 1 ? '' : 's'}`,
  changed: ({ reason }) => because('changed', reason),
  undesired: () => 'no longer desired',
  waiting: ({ reason }) => because('waits for a place', reason),
  unplaced: ({ reason }) => because('found no place', reason),
  claimed: ({ cell_id: cell }) => on('taken by', cell),
  running: ({ cell_id: cell }) => on('runs on', cell),
  routable: () => 'takes requests',
  unroutable: () => 'takes no requests: not ready',
  crashed: ({ cell_id: cell, count = 0, reason }) =>
    because(`${on('crashed on', cell)} (${count} in a row)`, reason),
  suspect: ({ cell_id: cell = '' }) => `${cell} is not heard of: another one is started elsewhere`,
  back: ({ cell_id: cell = '' }) => `${cell} is heard of again`,
  evacuating: ({ cell_id: cell }) => on('leaves', cell),
  removed: ({ cell_id: cell }) => on('gone', cell && `from ${cell}`),
  submitted: () => 'submitted',
  started: ({ cell_id: cell }) => on('started on', cell),
  rejected: ({ cell_id: cell, count = 0, reason }) =>
    because(`${on('found no place', cell && `on ${cell}`)} (${count} times)`, reason),
  succeeded: () => 'succeeded',
  failed: ({ reason }) => because('failed', reason),
  resolving: () => 'its end is being told',
};

const instanceOf = ({ index, more = 0 }: Entry): string => {
  if (index < 0) return '';
  return more === 0 ? `#${index}` : `#${index} to #${index + more}`;
};

/** A name may stand for several processes, as that of an application does. */
const rowOf = (entry: Entry, several: boolean): string[] => [
  moment(entry.at / NS_PER_MS),
  several ? entry.guid : '',
  instanceOf(entry),
  SAYS[entry.what](entry),
];

export const events: Command = {
  name: 'events',
  usage: USAGE,
  summary: 'what happened to an application, an instance or a task, when and why',
  options: [
    [
      'NAME',
      "an application's name, a process guid, a task's or an instance's; with .INDEX or /INDEX one instance of it",
    ],
    ['-n EVENTS', `the latest of them, at most so many of each process; without: ${DEFAULT}`],
    JSON_OPTION,
  ],
  async run(context, args) {
    const { values, positionals } = readArgs({ usage: USAGE, options: OPTIONS, words: ['NAME'] }, args);
    const limit = readCount(values.events, { name: '-n', min: 1, max: MAX, usage: USAGE }) ?? DEFAULT;
    const path = `/outcry/v1/events/${encodeURIComponent(positionals[0] ?? '')}?limit=${limit}`;
    const answer = await context.api().fetch<{ entries: Entry[] }>({ method: 'GET', path });
    if (values.json) {
      printJson(context, answer);
      return 0;
    }
    const several = new Set(answer.entries.map(({ guid }) => guid)).size > 1;
    const rows = answer.entries.map((entry) => rowOf(entry, several));
    context.print(compactTable([['when', 'process', 'instance', 'what'], ...rows]));
    return 0;
  },
};
