import type { BatchSummary, Batches } from '../auction/answers.js';
import { some } from '../auction/show.js';
import { instancesOn, noteOf } from '../cell-words.js';
import { duration, plural } from '../output.js';
import { type Column, cut, fitTable } from './fit.js';
import type { Part, TopCell, View, Waiting, WaitingGroup } from './read.js';

export interface Space {
  columns: number;
  /** Infinity: as many as it takes */
  rows: number;
}

type State = NonNullable<TopCell['state']>;

const ofState =
  (tell: (state: State) => string) =>
  ({ state }: TopCell): string =>
    state === null ? '' : tell(state);

const free = (available = 0, total = 0): string => `${available}/${total}`;

const heard = ({ state, heardAgo }: TopCell): string => {
  if (state !== null) return 'now';
  return heardAgo === undefined ? 'not yet' : `${duration(heardAgo / 1000)} ago`;
};

const note = (cell: TopCell): string => (cell.state === null ? 'does not answer' : noteOf(cell, cell.state));

const CELL_COLUMNS: readonly Column<TopCell>[] = [
  { title: 'cell', goes: 0, least: 16, of: ({ cell_id: id }) => id },
  { title: 'zone', goes: 6, of: ({ presence, state }) => state?.zone ?? presence?.zone ?? '' },
  {
    title: 'MB free',
    goes: 0,
    right: true,
    of: ofState(({ available, total }) => free(available?.memory_mb, total?.memory_mb)),
  },
  {
    title: 'MB disk free',
    goes: 5,
    right: true,
    of: ofState(({ available, total }) => free(available?.disk_mb, total?.disk_mb)),
  },
  {
    title: 'containers free',
    goes: 7,
    right: true,
    of: ofState(({ available, total }) => free(available?.containers, total?.containers)),
  },
  { title: 'instances', goes: 1, right: true, of: ofState((state) => String(instancesOn(state))) },
  { title: 'tasks', goes: 3, right: true, of: ofState(({ task_count: count = 0 }) => String(count)) },
  {
    title: 'starting',
    goes: 4,
    right: true,
    of: ofState(({ starting_container_count: count = 0 }) => String(count)),
  },
  { title: 'heard', goes: 2, of: heard },
  { title: 'note', goes: 0, least: 12, of: note },
];

const timeOfDay = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

const BATCH_COLUMNS: readonly Column<BatchSummary>[] = [
  { title: 'batch', goes: 4, of: ({ id }) => id.slice(0, 8) },
  { title: 'at', goes: 0, of: ({ at }) => timeOfDay(at) },
  { title: 'cells', goes: 5, right: true, of: ({ cells }) => String(cells) },
  { title: 'size', goes: 0, right: true, of: ({ auctions }) => String(auctions) },
  { title: 'placed', goes: 0, right: true, of: ({ placed }) => String(placed) },
  { title: 'refused', goes: 0, right: true, of: ({ refused }) => some(refused) },
  { title: 'failed', goes: 0, right: true, of: ({ failed }) => some(failed) },
  { title: 'unknown', goes: 0, right: true, of: ({ unknown }) => some(unknown) },
  { title: 'states', goes: 3, right: true, of: ({ states_ms: ms }) => `${ms} ms` },
  { title: 'decide', goes: 2, right: true, of: ({ decide_ms: ms }) => `${ms} ms` },
  { title: 'commit', goes: 1, right: true, of: ({ commit_ms: ms }) => `${ms} ms` },
];

const waitingColumns = (now: number): readonly Column<WaitingGroup>[] => [
  { title: 'waiting', goes: 0, least: 12, of: ({ name }) => name },
  { title: '', goes: 2, of: ({ kind, count }) => plural(count, kind.slice(0, -1)) },
  { title: 'for', goes: 1, of: ({ since }) => duration((now - since) / 1000) },
  { title: 'why', goes: 0, least: 16, of: ({ reason }) => reason || 'its first auction has not ended' },
];

/** Those of which something is to be said first. */
const troubledFirst = (cells: readonly TopCell[]): TopCell[] => [
  ...cells.filter((cell) => note(cell) !== ''),
  ...cells.filter((cell) => note(cell) === ''),
];

/** One table under its title. */
interface Section {
  title: string;
  problem: string | undefined;
  /** rows there are */
  count: number;
  /** rows that are not even here */
  beyond: number;
  /** a heading, and so many rows */
  table(rows: number): string[];
}

const sectionOf = <T>(
  part: Part<unknown>,
  told: { title: string; rows: readonly T[]; beyond?: number; columns: readonly Column<T>[] },
  width: number,
): Section => ({
  title: told.title,
  problem: part.problem,
  count: told.rows.length,
  beyond: told.beyond ?? 0,
  table: (rows) => fitTable(told.columns, told.rows.slice(0, rows), width),
});

const cellsTitle = ({ length }: readonly TopCell[]): string =>
  length === 0 ? 'no cells: nothing can be placed until one reports' : plural(length, 'cell');

const cellsSection = (part: Part<TopCell[]>, width: number): Section => {
  const title = part.value === undefined ? 'cells' : cellsTitle(part.value);
  return sectionOf(part, { title, rows: troubledFirst(part.value ?? []), columns: CELL_COLUMNS }, width);
};

const batchesTitle = ({ recording, batches }: Batches): string => {
  if (!recording) return 'batches are not recorded';
  return batches.length === 0 ? 'no batch yet' : 'latest batches';
};

const batchesSection = (part: Part<Batches>, width: number): Section => {
  const title = part.value === undefined ? 'batches' : batchesTitle(part.value);
  return sectionOf(part, { title, rows: part.value?.batches ?? [], columns: BATCH_COLUMNS }, width);
};

const waitingTitle = ({ instances, tasks }: Waiting): string =>
  instances + tasks === 0
    ? 'nothing waits for a place'
    : `${plural(instances, 'instance')} and ${plural(tasks, 'task')} wait for a place`;

const waitingSection = (part: Part<Waiting>, now: number, width: number): Section => {
  const { value } = part;
  const title = value === undefined ? 'waiting' : waitingTitle(value);
  const told = { rows: value?.groups ?? [], beyond: value?.more_groups ?? 0, columns: waitingColumns(now) };
  return sectionOf(part, { title, ...told }, width);
};

/** Title, heading and the line between sections. */
const FRAME_ROWS = 3;
/** Of what is left for rows, so much is for each section, if it needs it; the first one gets what the others leave. */
const SHARES = [0.4, 0.25, 0.35];

/** Lines below the heading for each section, the one that says how many more there are included. */
const share = (sections: readonly Section[], rows: number): number[] => {
  const frames = sections.reduce((sum, { problem }) => sum + FRAME_ROWS + Number(problem !== undefined), 1);
  const all = Math.max(0, rows - frames);
  const wanted = sections.map(({ count, beyond }) => count + Number(beyond > 0));
  const given = wanted.map((want, at) => Math.min(want, Math.max(1, Math.floor(all * (SHARES[at] ?? 0)))));
  let left = all - given.reduce((sum, one) => sum + one, 0);
  for (const [at, want] of wanted.entries()) {
    const more = Math.max(0, Math.min(left, want - (given[at] ?? 0)));
    given[at] = (given[at] ?? 0) + more;
    left -= more;
  }
  return given;
};

const sectionLines = (section: Section, lines: number, width: number): string[] => {
  const { title, problem, count, beyond } = section;
  const all = count + beyond;
  const rows = all > lines ? Math.max(0, lines - 1) : count;
  return [
    '',
    title,
    ...(problem === undefined ? [] : [problem]),
    ...(count === 0 ? [] : section.table(rows)),
    ...(all > rows ? [`and ${all - rows} more`] : []),
  ].map((line) => cut(line, width));
};

const sumOf = (cells: readonly TopCell[], tell: (state: State) => number): number =>
  cells.reduce((sum, { state }) => sum + (state === null ? 0 : tell(state)), 0);

const head = ({ at, cells }: View, hint: string): string => {
  const all = cells.value ?? [];
  const memory = `${sumOf(all, ({ available }) => available?.memory_mb ?? 0)} of ${sumOf(all, ({ total }) => total?.memory_mb ?? 0)} MB free`;
  const work = `${plural(sumOf(all, instancesOn), 'instance')}, ${plural(
    sumOf(all, ({ task_count: count = 0 }) => count),
    'task',
  )}`;
  return ['outcry top', `${timeOfDay(at)}Z`, work, memory, hint].filter((part) => part !== '').join('   ');
};

/** The whole view in lines that fit. `hint`: how it is ended, where it goes on. */
export const render = (view: View, { columns, rows }: Space, hint = ''): string[] => {
  const sections = [
    cellsSection(view.cells, columns),
    batchesSection(view.batches, columns),
    waitingSection(view.waiting, view.at, columns),
  ];
  const shares = share(sections, rows);
  return [
    cut(head(view, hint), columns),
    ...sections.flatMap((section, at) => sectionLines(section, shares[at] ?? 0, columns)),
  ];
};
