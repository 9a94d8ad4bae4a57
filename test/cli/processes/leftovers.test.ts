import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { removeLeftovers } from '../../../cell-rep/runtimes/leftovers.js';
import type { RuntimeChoice } from '../../../cell-rep/runtimes/decide.js';
import { clearCells } from '../../../cli/processes/clear-cells.js';
import { createPidFile, stopLeftovers } from '../../../cli/processes/leftovers.js';
import type { Program } from '../../../cli/processes/supervisor.js';
import { silentLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';

const clock = createSystemClock();

const makeDir = (t: Test): string => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-supervisor-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
};

const sleeper = (name: string, seconds: string): Program => ({
  name,
  kind: 'bbs',
  command: 'sleep',
  args: [seconds],
  cwd: '/',
  graceMs: 5_000,
  adopts: false,
});

const run = async (t: Test, { command, args }: Program): Promise<ChildProcess> => {
  const child = spawn(command, args, { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child;
};

const endOf = async (child: ChildProcess): Promise<unknown> =>
  child.signalCode ?? (await once(child, 'exit'))[1];

t.test(
  'leftovers - whatever a killed supervisor had started ends, wanted by the next start or not',
  async (t) => {
    const file = join(makeDir(t), 'pids.json');
    const before = createPidFile(file);
    const children = [];
    for (const [name, seconds] of [
      ['cell-1', '1001'],
      ['cell-5', '1005'],
    ] as const) {
      const child = await run(t, sleeper(name, seconds));
      before.remember(sleeper(name, seconds), child.pid ?? 0);
      children.push(child);
    }
    await stopLeftovers({ pids: createPidFile(file), clock });
    t.same(await Promise.all(children.map(endOf)), ['SIGTERM', 'SIGTERM']);
    t.same(createPidFile(file).names(), [], 'and is forgotten');
  },
);

t.test('leftovers - what a program has started runs on, where its next life adopts it', async (t) => {
  const file = join(makeDir(t), 'pids.json');
  const cell: Program = { ...sleeper('cell-1', '1003'), kind: 'cell', adopts: true };
  const child = await run(t, cell);
  createPidFile(file).remember(cell, child.pid ?? 0);
  await stopLeftovers({ pids: createPidFile(file), clock });
  t.equal(await endOf(child), 'SIGKILL', 'it was not asked to stop what it runs');
});

t.test('leftovers - a number that somebody else has by now is left alone', async (t) => {
  const file = join(makeDir(t), 'pids.json');
  const other = await run(t, sleeper('somebody', '1002'));
  const pids = createPidFile(file);
  pids.remember(sleeper('cell-1', '1001'), other.pid ?? 0);
  pids.remember(sleeper('cell-2', '1001'), 2 ** 30);
  await stopLeftovers({ pids, clock });
  t.equal(other.signalCode, null);
  t.equal(other.exitCode, null);
});

t.test('leftovers - a file that is not one is none', async (t) => {
  const file = join(makeDir(t), 'pids.json');
  for (const text of ['', 'null', '{"cell-1":']) {
    writeFileSync(file, text);
    t.same(createPidFile(file).names(), []);
  }
});

t.test(
  'cells - the engine that a first start uses is remembered, so that another runtime clears it',
  async (t) => {
    const dir = makeDir(t);
    mkdirSync(join(dir, 'cell-1'));
    writeFileSync(join(dir, 'cell-1', 'cell.yml'), '');
    const where = join(dir, 'none.sock');
    const docker = { kind: 'docker', engine: { socketPath: where }, where, stacks: {}, says: '' } as const;
    const clear = (choice: RuntimeChoice): Promise<string[]> => {
      const left = { choice, clock, logger: silentLogger };
      return clearCells({ dir, cells: ['cell-1'], remove: (at) => removeLeftovers({ ...left, ...at }) });
    };
    await clear(docker);
    const engines = join(dir, 'cell-1', 'data', 'docker-engines.json');
    t.same(existsSync(engines) && JSON.parse(readFileSync(engines, 'utf8')), [{ socketPath: where }]);
    t.match(await clear({ kind: 'process', says: '' }), [/may still be in Docker/]);
  },
);
