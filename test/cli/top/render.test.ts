import t from 'tap';
import type { BatchSummary } from '../../../cli/auction/answers.js';
import { cut } from '../../../cli/top/fit.js';
import type { TopCell, View, WaitingGroup } from '../../../cli/top/read.js';
import { render } from '../../../cli/top/render.js';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

const aCell = (cell_id: string, state: Partial<NonNullable<TopCell['state']>> = {}): TopCell => ({
  cell_id,
  presence: { zone: 'z1' },
  state: {
    zone: 'z1',
    available: { memory_mb: 512, disk_mb: 1024, containers: 7 },
    total: { memory_mb: 1024, disk_mb: 4096, containers: 10 },
    lrp_counts: { web: 2, worker: 1 },
    task_count: 1,
    starting_container_count: 2,
    placeable: true,
    ...state,
  },
  heardAgo: 0,
});

const silent = (cell_id: string, heardAgo?: number): TopCell => ({
  ...aCell(cell_id),
  state: null,
  heardAgo,
});

const aBatch = (overrides: Partial<BatchSummary> = {}): BatchSummary => ({
  id: 'abcdef0123',
  at: AT - 1_000,
  cells: 2,
  auctions: 12,
  placed: 10,
  refused: 0,
  failed: 2,
  unknown: 0,
  states_ms: 5,
  decide_ms: 1,
  commit_ms: 8,
  ...overrides,
});

const aGroup = (overrides: Partial<WaitingGroup> = {}): WaitingGroup => ({
  kind: 'instances',
  name: 'web',
  id: 'web-guid.0',
  count: 2,
  since: AT - 65_000,
  reason: 'insufficient resources: memory',
  ...overrides,
});

const aView = (overrides: Partial<View> = {}): View => ({
  at: AT,
  cells: { value: [aCell('cell-1'), aCell('cell-2')] },
  batches: { value: { recording: true, batches: [aBatch()], more_batches: 0, dropped: 0 } },
  waiting: { value: { instances: 2, tasks: 0, groups: [aGroup()], more_groups: 0 } },
  ...overrides,
});

const WIDE = { columns: 120, rows: Infinity };

t.test('top - cells, batches and what waits, each with what is to be known of it', async (t) => {
  const cells = [
    aCell('cell-1'),
    aCell('cell-2', { evacuating: true, lrp_counts: {}, task_count: 0, starting_container_count: 0 }),
    silent('cell-3', 75_000),
    silent('cell-4'),
  ];
  const groups = [aGroup(), aGroup({ kind: 'tasks', name: 'job', count: 1, since: AT - 500, reason: '' })];
  const lines = render(
    aView({
      cells: { value: cells },
      waiting: { value: { instances: 2, tasks: 1, groups, more_groups: 3 } },
    }),
    WIDE,
    'q ends',
  );
  t.equal(
    lines.join('\n'),
    `outcry top   03:04:05Z   3 instances, 1 task   1024 of 2048 MB free   q ends

4 cells
cell    zone   MB free  MB disk free  containers free  instances  tasks  starting  heard           note
cell-2  z1    512/1024     1024/4096             7/10          0      0         0  now             evacuating
cell-3  z1                                                                         1 min 15 s ago  does not answer
cell-4  z1                                                                         not yet         does not answer
cell-1  z1    512/1024     1024/4096             7/10          3      1         2  now

latest batches
batch     at        cells  size  placed  failed  states  decide  commit
abcdef01  03:04:04      2    12      10       2    5 ms    1 ms    8 ms

2 instances and 1 task wait for a place
waiting               for        why
web      2 instances  1 min 5 s  insufficient resources: memory
job      1 task       0 s        its first auction has not ended
and 3 more`,
  );
});

t.test('top - a narrow terminal is never written past, and keeps what matters', async (t) => {
  const full = render(aView(), WIDE);
  for (const columns of [100, 80, 60, 40, 20, 5, 1]) {
    const lines = render(aView(), { columns, rows: Infinity }, 'q ends');
    t.equal(lines.length, full.length);
    t.ok(
      lines.every((line) => [...line].length <= columns),
      `${columns} columns`,
    );
  }
  const text = render(aView(), { columns: 60, rows: Infinity }).join('\n');
  t.match(text, /\ncell-1 +512\/1024/);
  t.match(text, /\n03:04:04 +12 +10 +2 /);
  t.match(text, /\nweb +2 instances +1 min 5 s +insufficient resources: me…/);
  t.match(
    render(aView(), { columns: 40, rows: Infinity }).join('\n'),
    /\nweb +1 min 5 s +insufficient resour\S*…/,
  );
});

t.test(
  'top - a low terminal shows as much of each as has room, and says how much more there is',
  async (t) => {
    const many = <T>(count: number, one: (at: number) => T): T[] =>
      Array.from({ length: count }, (_, at) => one(at));
    const view = aView({
      cells: { value: [...many(200, (at) => aCell(`cell-${at}`)), silent('cell-silent', 1_000)] },
      batches: { value: { recording: true, batches: many(50, () => aBatch()), more_batches: 0, dropped: 0 } },
      waiting: {
        value: {
          instances: 900,
          tasks: 0,
          groups: many(100, (at) => aGroup({ name: `app-${at}` })),
          more_groups: 40,
        },
      },
    });
    for (const rows of [60, 40, 24, 18]) {
      const lines = render(view, { columns: 100, rows });
      t.ok(lines.length <= rows, `${lines.length} of ${rows}`);
      t.match(lines[4], /^cell-silent/, 'what is in trouble comes first');
      const text = lines.join('\n');
      const cells = lines.filter((line) => line.startsWith('cell-')).length;
      const groups = lines.filter((line) => line.startsWith('app-')).length;
      t.ok(cells > 0 && groups > 0);
      t.match(text, new RegExp(`\nand ${201 - cells} more\n`));
      t.match(text, new RegExp(`\nand ${140 - groups} more$`));
    }
    const short = render(aView(), { columns: 100, rows: 24 });
    t.same(short, render(aView(), { columns: 100, rows: Infinity }), 'what has room is shown whole');
  },
);

t.test('top - what cannot be read says why, beside what was read before', async (t) => {
  const problem = 'outcry: AUCTIONEER_UNAVAILABLE: no auctioneer answers: none is active on the bus; wait';
  const old = aView().batches.value!;
  const text = render(
    aView({ batches: { value: old, problem }, waiting: { problem: 'outcry: BBS_UNAVAILABLE: away; wait' } }),
    WIDE,
  ).join('\n');
  t.match(text, `\nlatest batches\n${problem}\nbatch `);
  t.match(text, /\nwaiting\noutcry: BBS_UNAVAILABLE: away; wait$/);
});

t.test('top - nothing at all is said in words', async (t) => {
  const empty = {
    cells: { value: [] },
    batches: { value: { recording: true, batches: [], more_batches: 0, dropped: 0 } },
    waiting: { value: { instances: 0, tasks: 0, groups: [], more_groups: 0 } },
  };
  t.equal(
    render(aView(empty), WIDE).slice(1).join('\n'),
    `
no cells: nothing can be placed until one reports

no batch yet

nothing waits for a place`,
  );
  const off = { value: { ...empty.batches.value, recording: false } };
  t.match(render(aView({ batches: off }), WIDE).join('\n'), /batches are not recorded/);
});

t.test('top - no name or reason moves the cursor', async (t) => {
  const groups = [aGroup({ name: 'a\u001b[2Jb', reason: 'one\ntwo\u009b' })];
  const lines = render(
    aView({ waiting: { value: { instances: 2, tasks: 0, groups, more_groups: 0 } } }),
    WIDE,
  );
  t.notMatch(lines.join(''), /\p{Cc}/u);
  t.match(lines.at(-1), /^a\?\[2Jb .* one\?two\?$/);
  t.equal(cut('ünïcödé', 4), 'ünï…');
});
