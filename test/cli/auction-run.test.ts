import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { packageRoot } from '../../common/runtime/package-root.js';
import { createFakeCli } from '../support/cli-context.js';
import { GOLDEN_DIR, goldenCases } from '../support/golden-auction.js';
import { aCell, aScenario, anLrp } from '../support/scenarios.js';

const setUp = (t: Test) => {
  const cwd = t.testdir();
  const cli = createFakeCli({ cwd });
  t.teardown(() => cli.close());
  const write = (name: string, content: unknown): string => {
    writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content));
    return name;
  };
  return { cli, cwd, write };
};

t.test('auction run - prints JSON alone: the order, the placements, and why', async (t) => {
  const { cli } = setUp(t);
  const file = join(GOLDEN_DIR, '29-perform-rejects.json');
  t.equal(await cli.run('auction', 'run', file), 0, cli.err());
  t.equal(cli.err(), '');
  const told = JSON.parse(cli.out());
  t.same(Object.keys(told), ['considered_order', 'placements', 'explanations']);
  t.equal(told.considered_order[0], 'lrp a.0');
  t.match(told.placements[2], { id: 'a.2', failed: true, placement_error: 'cell-00 refused the work' });
  t.match(told.explanations.refused[1], { id: 'a.2', cell: 'cell-00' });
});

t.test('auction run - every recorded batch, as it was recorded', async (t) => {
  const { write, cwd } = setUp(t);
  for (const { name, config, input, result } of goldenCases()) {
    const cli = createFakeCli({ cwd });
    const file = write(`${name}.json`, { config: { ...config, compat: 'diego' }, input });
    t.equal(await cli.run('auction', 'run', file), 0, cli.err());
    const told = JSON.parse(cli.out());
    t.same(told.considered_order, result.considered_order, `${name}: order`);
    if (result.deterministic) t.strictSame(told.placements, result.placements, name);
  }
});

t.test('auction run --trace - the scores that each decision compared', async (t) => {
  const { cli, write } = setUp(t);
  const small = { MemoryMB: 64, DiskMB: 4096, Containers: 10 };
  const cells = [
    aCell(),
    aCell({ cell_id: 'cell-2', cell_index: 1, Zone: 'z2', TotalResources: small, AvailableResources: small }),
  ];
  const file = write('s.json', aScenario({ cells, lrp_start_requests: [anLrp({ indices: [0, 1, 2] })] }));
  t.equal(await cli.run('auction', 'run', file, '--trace'), 0, cli.err());
  const { trace } = JSON.parse(cli.out());
  t.match(trace[0], { step: 0, kind: 'lrp', id: 'app.0', inflight_container_starts_before: 0 });
  t.equal(trace[0].chosen_cell, 'cell-1');
  t.equal(trace[1].chosen_cell, 'cell-2');
  t.match(trace[1].zones, [
    { zone: 'z1', instances_of_this_process_guid: 1, scored: false },
    { zone: 'z2', instances_of_this_process_guid: 0, scored: true },
  ]);
  t.match(trace[2], {
    inflight_container_starts_before: 2,
    scores: [
      { cell: 'cell-1', zone: 'z1', score: Number },
      { cell: 'cell-2', zone: 'z2', error: 'insufficient resources: memory' },
    ],
    acceptable_cells: ['cell-1'],
    chosen_cell: 'cell-1',
  });
});

t.test('auction run - whether a silent cell took the work is unknown', async (t) => {
  const { cli, write } = setUp(t);
  const cell_behaviour = { 'cell-1': { perform_error: 'connection reset' } };
  t.equal(await cli.run('auction', 'run', write('s.json', aScenario({ cell_behaviour }))), 0);
  const { placements, explanations } = JSON.parse(cli.out());
  t.strictSame(placements, [
    {
      kind: 'lrp',
      id: 'app.0',
      cell: 'cell-1',
      failed: false,
      placement_error: '',
      attempts: 1,
      outcome: 'unknown',
    },
  ]);
  t.match(explanations.unknown, [{ id: 'app.0', explanation: 'cell-1 did not answer: connection reset' }]);
});

t.test('auction run - a policy of one’s own, found from the file', async (t) => {
  const { cli, cwd, write } = setUp(t);
  mkdirSync(join(cwd, 'deep'));
  write('deep/mine.mjs', 'export const score = (cell) => -cell.index;');
  const cells = [aCell(), aCell({ cell_id: 'cell-2', cell_index: 1 })];
  const file = write('deep/s.json', aScenario({ cells }, { policy: { module: 'mine.mjs' } }));
  t.equal(await cli.run('auction', 'run', file), 0, cli.err());
  t.equal(JSON.parse(cli.out()).placements[0].cell, 'cell-2');
  write('deep/mine.mjs', '');
  const missing = write('t.json', aScenario({}, { policy: { module: 'mine.mjs' } }));
  t.equal(await cli.run('auction', 'run', missing), 1);
  t.match(cli.errors(), [
    /^outcry: POLICY_MODULE_INVALID: .*mine\.mjs cannot be used: there is no such file; /,
  ]);
});

t.test('auction run - a strategy', async (t) => {
  const { write, cwd } = setUp(t);
  const cells = [aCell(), aCell({ cell_id: 'cell-2', cell_index: 1 })];
  const lrp_start_requests = ['a', 'b', 'c'].map((process_guid) => anLrp({ process_guid }));
  const cellsBy = async (strategy: string): Promise<string[]> => {
    const cli = createFakeCli({ cwd });
    const scenario = aScenario({ cells, lrp_start_requests }, { policy: { strategy } });
    t.equal(await cli.run('auction', 'run', write(`${strategy}.json`, scenario)), 0, cli.err());
    return JSON.parse(cli.out()).placements.map(({ cell }: { cell: string }) => cell);
  };
  t.same(await cellsBy('binpack'), ['cell-1', 'cell-1', 'cell-1']);
  t.same(await cellsBy('spread'), ['cell-1', 'cell-2', 'cell-1']);
});

t.test('auction run - what is wrong with the file goes to stderr, in one line with its path', async (t) => {
  const { write, cwd } = setUp(t);
  const wrong: [string, RegExp][] = [
    ['none.json', /FILE_UNREADABLE: cannot read none\.json: there is no such file/],
    [write('text.json', 'cells: 3'), /FILE_INVALID: text\.json: not JSON: /],
    [write('nan.json', '{"config": {}, "input": NaN}'), /FILE_INVALID: nan\.json: not JSON: /],
    [write('empty.json', ''), /FILE_INVALID: empty\.json: not JSON: /],
    [
      write('key.json', aScenario({ cells: [aCell({ TotalResources: { DiskMB: 1, Containers: 1 } })] })),
      /FILE_INVALID: key\.json: input\.cells\[0\]\.TotalResources\.MemoryMB is missing;/,
    ],
    [
      write('config.json', aScenario({}, { compatt: 'diego' })),
      /config\.json: config\.compatt unknown key \(did you mean 'compat'\?\);/,
    ],
    [write('many.json', { config: {}, input: {} }), /many\.json: input\.cells is missing \(and 2 more\);/],
  ];
  for (const [file, line] of wrong) {
    const cli = createFakeCli({ cwd });
    t.equal(await cli.run('auction', 'run', file), 1, file);
    t.equal(cli.out(), '', 'nothing that a program could take for an answer');
    t.match(cli.errors()[0], line);
    t.equal(cli.err().trimEnd().split('\n').length, 1);
  }
});

t.test('auction - usage and help', async (t) => {
  const { cli } = setUp(t);
  t.equal(await cli.run('auction'), 1);
  t.equal(await cli.run('auction', 'rnu', 'x'), 1);
  t.equal(await cli.run('auction', 'run'), 1);
  t.match(cli.errors(), [
    /USAGE: one of .*run.* is missing; usage: outcry auction /,
    /USAGE: no 'auction rnu' \(did you mean 'run'\?\);/,
    /USAGE: FILE is missing;/,
  ]);
  t.equal(await cli.run('help', 'auction'), 0);
  t.match(cli.out(), /^ +run FILE .*$/m);
  t.match(cli.out(), /^ +--trace /m);
});

t.test('auction run - as a process, in a pipe, and from stdin', async (t) => {
  const { cwd, write } = setUp(t);
  const outcry = join(packageRoot(), 'cli/bin/outcry.mjs');
  const run = (args: string[], input?: string) =>
    spawnSync(process.execPath, [outcry, 'auction', 'run', ...args], { cwd, encoding: 'utf8', input });
  const file = join(GOLDEN_DIR, '33-unequal-zones-overcommit.json');
  const named = run([file, '--trace']);
  t.equal(named.status, 0, named.stderr);
  t.equal(JSON.parse(named.stdout).trace.length, 120);
  const piped = run(['-', '--trace'], readFileSync(file, 'utf8'));
  t.equal(piped.stdout, named.stdout);
  const bad = run([write('bad.json', '[]')]);
  t.match(bad, {
    status: 1,
    stdout: '',
    stderr: /^outcry: FILE_INVALID: bad\.json: scenario must be an object; [^\n]+\n$/,
  });
});
