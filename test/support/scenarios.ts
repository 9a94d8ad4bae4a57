/** Scenarios as people write them for `outcry auction run`: only what matters need be given. */

const resources = { MemoryMB: 1024, DiskMB: 4096, Containers: 10 };

export const aCell = (overrides: object = {}): Record<string, unknown> => ({
  cell_id: 'cell-1',
  cell_index: 0,
  Zone: 'z1',
  RootFSProviders: { preloaded: { type: 'fixed_set', set: { default: {} } } },
  AvailableResources: resources,
  TotalResources: resources,
  ...overrides,
});

export const anLrp = (overrides: object = {}): Record<string, unknown> => ({
  process_guid: 'app',
  domain: 'd',
  indices: [0],
  RootFs: 'preloaded:default',
  MemoryMB: 64,
  DiskMB: 64,
  ...overrides,
});

export const aTask = (overrides: object = {}): Record<string, unknown> => ({
  TaskGuid: 'task',
  Domain: 'd',
  RootFs: 'preloaded:default',
  MemoryMB: 64,
  DiskMB: 64,
  ...overrides,
});

export const aScenario = (input: object = {}, config: object = {}): Record<string, unknown> => ({
  config,
  input: { cells: [aCell()], lrp_start_requests: [anLrp()], task_start_requests: null, ...input },
});
