import t from 'tap';
import { readScenario } from '../../../auctioneer/scenario/read.js';
import { type ScenarioReport, runScenario } from '../../../auctioneer/scenario/run.js';
import { aCell, aScenario, aTask, anLrp } from '../../support/scenarios.js';

const run = (scenario: unknown): ScenarioReport => {
  const read = readScenario(scenario, '/');
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const { report, trace } = runScenario(read.value);
  // the trace looks at the same, and must not mind it either
  if ([...trace()].length !== report.considered_order.length) throw new Error('a step is missing');
  return report;
};

/** "field problem" of everything that is wrong. */
const problems = (scenario: unknown): string[] => {
  const read = readScenario(scenario, '/');
  return read.ok ? [] : read.error.map(({ field, problem }) => `${field} ${problem}`);
};

const MOST = 2 ** 31 - 1;
const resources = (overrides: object) => ({ MemoryMB: 1024, DiskMB: 4096, Containers: 10, ...overrides });

t.test('auction run - cells that make no sense are left out, each with its reason', async (t) => {
  const both = (overrides: object) => ({
    AvailableResources: resources(overrides),
    TotalResources: resources(overrides),
  });
  const bad: [object, string][] = [
    [{ TotalResources: resources({ MemoryMB: 0 }) }, 'invalid total memoryMb: 0'],
    [both({ DiskMB: 0 }), 'invalid total diskMb: 0'],
    [both({ Containers: -1 }), 'invalid total containers: -1'],
    [both({ MemoryMB: 10.5 }), 'invalid total memoryMb: 10.5'],
    [both({ MemoryMB: Infinity }), 'invalid total memoryMb: Infinity'],
    [both({ MemoryMB: MOST + 1 }), 'invalid total memoryMb: 2147483648'],
    [
      { AvailableResources: resources({ MemoryMB: 1025 }) },
      'available memoryMb above its total: 1025 of 1024',
    ],
    [{ AvailableResources: resources({ DiskMB: 0.5 }) }, 'invalid available diskMb: 0.5'],
    [{ AvailableResources: resources({ 'cpu-milli': 5 }) }, 'invalid cpuMilliAvailable: 5 of 0'],
    [{ ProxyMemoryAllocationMB: -32 }, 'invalid proxyMemoryMb: -32'],
    [{ StartingContainerCount: -1 }, 'invalid startingContainerCount: -1'],
    [{ cell_index: 1.5 }, 'invalid cellIndex: 1.5'],
    [{ Evacuating: true }, 'evacuating'],
    [{ cell_id: '' }, 'the cell id is empty'],
  ];
  for (const [overrides, reason] of bad) {
    const cell = aCell({ cell_id: 'bad', ...overrides });
    const { placements, explanations } = run(aScenario({ cells: [aCell(), cell] }));
    t.same(explanations.excluded_cells, [{ cell: cell['cell_id'], reason }]);
    t.match(placements, [{ cell: 'cell-1', failed: false }], 'the others take part');
    t.match(run(aScenario({ cells: [cell] })).placements, [
      { failed: true, placement_error: 'unable to communicate to compatible cells' },
    ]);
  }
});

t.test('auction run - of cells with the same id none takes part', async (t) => {
  const cells = [aCell({ cell_id: 'twin' }), aCell({ cell_id: 'twin', cell_index: 1 }), aCell()];
  const { placements, explanations } = run(aScenario({ cells }));
  t.match(placements, [{ cell: 'cell-1' }]);
  t.same(explanations.excluded_cells, [
    { cell: 'twin', reason: '2 cells have this id' },
    { cell: 'twin', reason: '2 cells have this id' },
  ]);
});

t.test('auction run - requests that make no sense are dropped, each with its reason', async (t) => {
  const lrps: [object, string][] = [
    [{ process_guid: '' }, 'process guid is empty'],
    [{ domain: '' }, 'domain is empty'],
    [{ RootFs: '' }, 'rootfs is empty'],
    [{ MemoryMB: -1 }, 'invalid memoryMb: -1'],
    [{ MemoryMB: 0.5 }, 'invalid memoryMb: 0.5'],
    [{ DiskMB: MOST + 1 }, 'invalid diskMb: 2147483648'],
    [{ DiskMB: Infinity }, 'invalid diskMb: Infinity'],
    [{ MaxPids: -1 }, 'invalid maxPids: -1'],
    [{ indices: [] }, 'no indices'],
    [{ indices: [0, -1] }, 'invalid index: -1'],
    [{ indices: [0.5] }, 'invalid index: 0.5'],
    [{ indices: [MOST + 1] }, 'invalid index: 2147483648'],
    [{ indices: Array.from({ length: 100_001 }, (_, at) => at) }, 'more than 100000 indices'],
  ];
  for (const [overrides, reason] of lrps) {
    const bad = anLrp({ process_guid: 'bad', ...overrides });
    const { placements, explanations } = run(aScenario({ lrp_start_requests: [bad, anLrp()] }));
    t.same(explanations.dropped_requests, [{ id: bad['process_guid'], reason }]);
    t.match(placements, [{ id: 'app.0', failed: false }], 'the others are decided');
    t.equal(placements.length, 1);
  }
  const tasks = [aTask({ TaskGuid: '' }), aTask({ Domain: '' }), aTask({ MemoryMB: -1 }), aTask()];
  const { placements, explanations } = run(
    aScenario({ lrp_start_requests: null, task_start_requests: tasks }),
  );
  t.match(placements, [{ id: 'task', cell: 'cell-1' }]);
  t.same(
    explanations.dropped_requests.map(({ reason }) => reason),
    ['task guid is empty', 'domain is empty', 'invalid memoryMb: -1'],
  );
});

t.test(
  'auction run - 100,000 indices in one request are decided, and those without room explained',
  async (t) => {
    const indices = Array.from({ length: 100_000 }, (_, at) => at);
    const { considered_order, placements, explanations } = run(
      aScenario({ lrp_start_requests: [anLrp({ indices })] }),
    );
    t.equal(considered_order.length, 100_000);
    t.equal(placements.filter(({ failed }) => !failed).length, 10);
    t.equal(explanations.unplaced.length, 99_990);
    t.match(explanations.unplaced.at(-1), {
      id: 'app.99999',
      explanation: 'insufficient resources: containers (cell-1 comes nearest: 1 container short)',
      lacking: { containers: 1, memory: 0 },
      zones: [{ zone: 'z1', instances: 10, room: 0 }],
      would_fit: ['cell-1 fits once 1 of its containers ended'],
    });
  },
);

t.test('auction run - a rootfs that is no URL matches no cell', async (t) => {
  for (const RootFs of ['not a url', 'docker:///%zz', ':', 'preloaded', 'preloaded:\u0000default', '://']) {
    const { placements } = run(aScenario({ lrp_start_requests: [anLrp({ RootFs })] }));
    t.match(
      placements,
      [{ failed: true, placement_error: 'found no compatible cell for required rootfs' }],
      RootFs,
    );
  }
});

t.test('auction run - names that every object has are names like others', async (t) => {
  const guids = ['constructor', '__proto__', 'toString'];
  const LRPs = guids.map((process_guid) => ({ process_guid }));
  const cells = [
    aCell({ LRPs }),
    aCell({ cell_id: 'cell-2', cell_index: 1, Zone: 'z2' }),
    aCell({
      cell_id: 'cell-3',
      cell_index: 2,
      Zone: 'z2',
      placeable: false,
      LRPs: [{ process_guid: 'app' }],
    }),
  ];
  const lrp_start_requests = guids.map((process_guid) => anLrp({ process_guid, indices: [1] }));
  const { placements } = run(aScenario({ cells, lrp_start_requests }));
  t.same(
    placements.map(({ cell }) => cell),
    ['cell-2', 'cell-2', 'cell-2'],
    'the zone without an instance comes first',
  );
});

t.test('auction run - what is missing or of the wrong kind is named with its path', async (t) => {
  const without = (object: Record<string, unknown>, name: string) =>
    Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
  const cells = (overrides: object) => aScenario({ cells: [aCell(), aCell(overrides)] });
  const lrps = (request: object) => aScenario({ lrp_start_requests: [request] });
  const wrong: [unknown, string][] = [
    [null, 'scenario must be an object'],
    [[], 'scenario must be an object'],
    [7, 'scenario must be an object'],
    [without(aScenario(), 'config'), 'config is missing'],
    [without(aScenario(), 'input'), 'input is missing'],
    [{ ...aScenario(), config: null }, 'config must be an object'],
    [{ ...aScenario(), input: [] }, 'input must be an object'],
    [{ config: {}, input: { lrp_start_requests: [], task_start_requests: [] } }, 'input.cells is missing'],
    [aScenario({ cells: {} }), 'input.cells must be a list'],
    [aScenario({ cells: [null] }), 'input.cells[0] must be an object'],
    [aScenario({ cells: [without(aCell(), 'cell_id')] }), 'input.cells[0].cell_id is missing'],
    [cells({ cell_id: 7 }), 'input.cells[1].cell_id must be text'],
    [
      cells({ TotalResources: { DiskMB: 1, Containers: 1 } }),
      'input.cells[1].TotalResources.MemoryMB is missing',
    ],
    [
      cells({ AvailableResources: resources({ MemoryMB: 'much' }) }),
      'input.cells[1].AvailableResources.MemoryMB must be a number',
    ],
    [
      cells({ RootFSProviders: { docker: { type: 'any' } } }),
      'input.cells[1].RootFSProviders.docker.type must be one of arbitrary, fixed_set',
    ],
    [cells({ LRPs: [{}] }), 'input.cells[1].LRPs[0].process_guid is missing'],
    [cells({ Evacuating: 'no' }), 'input.cells[1].Evacuating must be true or false'],
    [cells({ PlacementTags: [7] }), 'input.cells[1].PlacementTags[0] must be text'],
    [lrps(without(anLrp(), 'indices')), 'input.lrp_start_requests[0].indices is missing'],
    [lrps(anLrp({ indices: [0, '1'] })), 'input.lrp_start_requests[0].indices[1] must be a number'],
    [lrps(anLrp({ MemoryMB: null })), 'input.lrp_start_requests[0].MemoryMB must be a number'],
    [
      aScenario({ task_start_requests: [without(aTask(), 'TaskGuid')] }),
      'input.task_start_requests[0].TaskGuid is missing',
    ],
    [
      aScenario({ cell_behaviour: { 'cell-1': { reject_lrps: 'all' } } }),
      'input.cell_behaviour.cell-1.reject_lrps must be a list',
    ],
    [
      aScenario({ cell_behaviour: { 'cell-9': { state_error: 'timeout' } } }),
      'input.cell_behaviour.cell-9 names no cell',
    ],
    [
      aScenario({}, { starting_container_wieght: 1 }),
      "config.starting_container_wieght unknown key (did you mean 'starting_container_weight'?)",
    ],
    [aScenario({}, { bin_pack_first_fit_weight: -1 }), 'config.bin_pack_first_fit_weight must be >= 0'],
    [aScenario({}, { compat: 'nomad' }), 'config.compat must be one of outcry, diego'],
    [
      aScenario({}, { policy: { strategy: 'random' } }),
      'config.policy.strategy must be one of diego, spread, binpack',
    ],
    [
      aScenario({}, { policy: { strategy: 'spread', module: 'mine.mjs' } }),
      'config.policy names a strategy or a module, not both',
    ],
    [
      aScenario({}, { starting_container_count_maximum: 1.5 }),
      'config.starting_container_count_maximum must be integer',
    ],
  ];
  for (const [scenario, problem] of wrong) t.same(problems(scenario), [problem]);
});

t.test('auction run - everything that is wrong is told, not the first thing alone', async (t) => {
  const scenario = aScenario({ cells: [{}], lrp_start_requests: [anLrp({ MemoryMB: '64' })] }, { compat: 7 });
  t.equal(problems(scenario).length, 8);
});

t.test('auction run - keys that it does not know are passed over outside of config', async (t) => {
  const cells = [aCell({ instance_guid: 'x', Future: [1] })];
  const { placements } = run({ ...aScenario({ cells, more: 1 }), result: {}, trace: [] });
  t.match(placements, [{ cell: 'cell-1' }]);
});

t.test('auction run - a limit of 0 or less is none', async (t) => {
  for (const starting_container_count_maximum of [0, -1]) {
    const cells = [aCell({ StartingContainerCount: 3 })];
    const { placements } = run(aScenario({ cells }, { starting_container_count_maximum }));
    t.match(placements, [{ failed: false }]);
  }
});
