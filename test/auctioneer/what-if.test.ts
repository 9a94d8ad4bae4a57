import t from 'tap';
import { DEFAULT_POLICY } from '../../auctioneer/core/policy.js';
import { cellsToAdd } from '../../auctioneer/core/what-if.js';
import { type WhatIfOptions, createWhatIf } from '../../auctioneer/runner/what-if.js';
import type { WhatIfQuery } from '../../common/model/auction-questions.js';
import type { CellPresence, CellState } from '../../common/model/cell.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import { err, ok } from '../../common/model/result.js';
import type { Task } from '../../common/model/task.js';
import { encode } from '../../common/wire/codec.js';
import { aCellState } from '../support/cell-states.js';
import { desiredLrp } from '../support/lrps.js';

interface World {
  cells: CellState[];
  /** present without a state */
  silent?: string[];
  actuals?: ActualLrp[];
  desired?: DesiredLrp[];
  tasks?: Task[];
  bbsAway?: boolean;
}

const actual = (overrides: Partial<ActualLrp>): ActualLrp =>
  ({
    processGuid: 'web',
    index: 0,
    domain: 'd',
    instanceGuid: 'i',
    cellId: '',
    state: 'RUNNING',
    presence: 'ORDINARY',
    modificationTag: { epoch: 'e', index: 0 },
    ...overrides,
  }) as ActualLrp;

const task = (overrides: Partial<Task>): Task =>
  ({
    taskGuid: 'job',
    domain: 'd',
    state: 'Running',
    cellId: '',
    rootfs: 'preloaded:default',
    placementTags: [],
    volumeMounts: [],
    memoryMb: 64,
    diskMb: 64,
    maxPids: 0,
    cpuMilli: 0,
    rejectionCount: 0,
    ...overrides,
  }) as Task;

const web = (overrides: Partial<DesiredLrp>): DesiredLrp => ({
  ...desiredLrp({ processGuid: 'web', instances: 10 }),
  rootfs: 'preloaded:default',
  memoryMb: 100,
  diskMb: 100,
  cpuMilli: 0,
  placementTags: [],
  volumeMounts: [],
  ...overrides,
});

const setUp = ({ cells, silent = [], actuals = [], desired = [], tasks = [], bbsAway }: World) => {
  const asked: string[] = [];
  const answer = async <T>(name: string, rows: T[]) => {
    asked.push(name);
    return bbsAway
      ? err({ type: 'UnknownError' as const, message: 'connection refused', unavailable: true as const })
      : ok(rows);
  };
  const at =
    ({ cellId }: { cellId?: string }) =>
    (row: { cellId: string }): boolean =>
      cellId === undefined || row.cellId === cellId;
  const presences = [
    ...cells,
    ...silent.map((cellId) => ({ cellId, zone: 'z1' })),
  ] as unknown as CellPresence[];
  // nothing else is there: whatever would change something throws
  const options: WhatIfOptions = {
    policy: DEFAULT_POLICY,
    backend: { states: async () => ({ cells, missed: silent }) },
    bbs: {
      cells: () => answer('cells', presences),
      actualLrps: (filter) => answer(`actuals ${filter.cellId ?? 'all'}`, actuals.filter(at(filter))),
      desiredLrps: ({ processGuids }) =>
        answer(
          'desired',
          desired.filter((lrp) => processGuids?.includes(lrp.processGuid)),
        ),
      tasks: (filter) => answer(`tasks ${filter.cellId ?? 'all'}`, tasks.filter(at(filter))),
    },
  };
  const whatIf = createWhatIf(options);
  const ask = (query: Partial<WhatIfQuery>) =>
    whatIf({ traceId: 't', drain: [], loseZones: [], add: [], ...query });
  return { ask, asked };
};

const three = [1, 2, 3].map((at) =>
  aCellState({ cellId: `cell-${at}`, cellIndex: at, zone: at === 3 ? 'z2' : 'z1' }),
);

t.test('what-if - instances of a drained cell get other places, as far as there is room', async (t) => {
  const cells = three.map((cell, at) => ({
    ...cell,
    available: { ...cell.available, memoryMb: at === 1 ? 150 : 50 },
  }));
  const { ask, asked } = setUp({
    cells,
    desired: [web({})],
    actuals: [0, 1, 2].map((index) => actual({ index, cellId: 'cell-1' })),
    tasks: [task({ cellId: 'cell-1' }), task({ taskGuid: 'other', cellId: 'cell-2' })],
  });
  const answer = await ask({ drain: ['cell-1'] });
  t.match(answer, {
    problem: '',
    cells: 3,
    removed: ['cell-1'],
    moved: { instances: 3, placed: 1 },
    waiting: { instances: 0, placed: 0 },
    zones: [
      { zone: 'z1', cells: 1, placed: 1 },
      { zone: 'z2', cells: 1, placed: 0 },
    ],
    places: [{ cellId: 'cell-2', placed: 1, memoryMb: 50 }],
    withoutPlace: [
      {
        id: 'web',
        instances: 2,
        reason: 'insufficient resources: memory (cell-2 comes nearest: 50 MB of memory short)',
        waits: false,
      },
    ],
    lostTasks: ['job'],
  });
  t.same(asked, ['cells', 'actuals cell-1', 'tasks cell-1', 'desired'], 'asked for those cells alone');
});

t.test('what-if - what only is a copy, no longer wanted, or waits is no instance that moves', async (t) => {
  const { ask } = setUp({
    cells: three,
    desired: [web({ instances: 2 })],
    actuals: [
      actual({ index: 0, cellId: 'cell-3', state: 'CLAIMED' }),
      actual({ index: 1, cellId: 'cell-3', presence: 'SUSPECT' }),
      actual({ index: 5, cellId: 'cell-3' }),
      actual({ index: 0, cellId: 'cell-3', processGuid: 'not desired' }),
      actual({ index: 1, state: 'UNCLAIMED' }),
    ],
  });
  const answer = await ask({ loseZones: ['z2'] });
  t.match(answer, { removed: ['cell-3'], moved: { instances: 1, placed: 1 }, waiting: { instances: 0 } });
});

t.test('what-if - cells that come take what waits', async (t) => {
  const { ask } = setUp({
    cells: three,
    desired: [web({ memoryMb: 2000 })],
    actuals: [0, 1, 2].map((index) => actual({ index, state: 'UNCLAIMED' })),
    tasks: [task({ state: 'Pending', memoryMb: 4000 }), task({ taskGuid: 'done', state: 'Completed' })],
  });
  const answer = await ask({ add: [{ count: 2, memoryMb: 2048, diskMb: 4096, zone: 'z3' }] });
  t.match(answer, {
    added: 2,
    moved: { instances: 0 },
    waiting: { instances: 4, placed: 2 },
    places: [
      { cellId: 'new-1', zone: 'z3', placed: 1, memoryMb: 48 },
      { cellId: 'new-2', zone: 'z3', placed: 1 },
    ],
  });
  t.match(
    answer.withoutPlace.map(({ id, instances, waits }) => [id, instances, waits]),
    [
      ['job', 1, true],
      ['web', 1, true],
    ],
  );
});

t.test('what-if - a cell that does not answer can be drained, and is told of', async (t) => {
  const { ask } = setUp({
    cells: three,
    silent: ['cell-9'],
    desired: [web({})],
    actuals: [actual({ cellId: 'cell-9' })],
  });
  t.match(await ask({ drain: ['cell-9'] }), { silent: ['cell-9'], moved: { instances: 1, placed: 1 } });
});

t.test('what-if - names that are not known, and a BBS that does not answer', async (t) => {
  const many = Array.from({ length: 100 }, (_, at) => aCellState({ cellId: `cell-${at}`, zone: `z${at}` }));
  const { ask } = setUp({ cells: many });
  const cell = await ask({ drain: ['cel-77', 'cell-1'] });
  t.match(cell, { unknownCells: ['cel-77'], known: { 0: 'cell-77', length: 30 }, moreKnown: 70 });
  t.match(await ask({ loseZones: ['z7', 'nowhere'] }), { unknownZones: ['nowhere'], moreKnown: 70 });
  const away = setUp({ cells: three, bbsAway: true });
  t.match(await away.ask({ drain: ['cell-1'] }), {
    problem: /bulletin board does not answer: connection refused/,
  });
  const none = setUp({ cells: [] });
  t.match(await none.ask({ add: [{ count: 1, memoryMb: 1, diskMb: 1, zone: '' }] }), {
    problem: /no cell answers/,
  });
});

t.test('what-if - however many cells go, the answer goes through the bus', async (t) => {
  const cells = Array.from({ length: 2000 }, (_, at) =>
    aCellState({ cellId: `cell-${at}`, zone: `z${at % 200}` }),
  );
  const actuals = cells.map(({ cellId }, index) => actual({ index, processGuid: `p-${index}`, cellId }));
  const desired = actuals.map(({ processGuid }) => web({ processGuid, instances: 5000, memoryMb: 9999 }));
  const tasks = cells.map(({ cellId }, at) => task({ taskGuid: `job-${at}`, cellId }));
  const { ask, asked } = setUp({ cells, actuals, desired, tasks });
  const answer = await ask({ drain: cells.slice(1).map(({ cellId }) => cellId) });
  t.match(answer, {
    moved: { instances: 1999, placed: 0 },
    moreRemoved: 1969,
    moreWithoutPlace: 1969,
    moreLostTasks: 1969,
  });
  t.ok(encode('WhatIf', answer).byteLength < 50_000);
  t.equal(asked.length, 4, 'read at once, not cell by cell');
});

t.test('what-if - new cells are as most cells are, empty, and after all others', async (t) => {
  const odd = aCellState({ cellId: 'new-1', rootfsProviders: {}, placementTags: ['gpu'], cellIndex: 7 });
  const busy = three.map((cell) => ({
    ...cell,
    lrpCounts: new Map([['a', 1]]),
    taskCount: 1,
    optionalPlacementTags: ['x'],
  }));
  const added = cellsToAdd(
    [odd, ...busy],
    [
      { count: 1, memoryMb: 10, diskMb: 20, zone: '' },
      { count: 1, memoryMb: 30, diskMb: 40, zone: 'z9' },
    ],
  );
  t.match(added, [
    {
      cellId: 'new-1x',
      cellIndex: 8,
      zone: 'z1',
      rootfsProviders: { preloaded: {} },
      available: { memoryMb: 10, diskMb: 20, containers: 10 },
      lrpCounts: new Map(),
      taskCount: 0,
      placementTags: [],
      optionalPlacementTags: [],
    },
    { cellId: 'new-2', cellIndex: 9, zone: 'z9', total: { memoryMb: 30, diskMb: 40 } },
  ]);
});
