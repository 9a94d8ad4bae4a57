/** The supervisor over real programs. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { createPidFile } from '../../../cli/processes/leftovers.js';
import { createSupervisor } from '../../../cli/processes/supervisor.js';
import type { Program } from '../../../cli/processes/supervisor.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { Clock } from '../../../common/ports/clock.js';
import { eventually } from '../../support/eventually.js';

const makeDir = (t: Test): string => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-supervisor-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
};

/** Runs until a signal; `atTerm` is what its shell does then. */
const shell = (dir: string, name: string, atTerm: string): Program => ({
  name,
  kind: name.replace(/-\d+$/, ''),
  command: 'sh',
  args: ['-c', `trap '${atTerm}' TERM; : > ${name}.ready; while :; do sleep 0.05; done`],
  cwd: dir,
  graceMs: 20_000,
  adopts: false,
});

const supervise = (t: Test, options: { dir: string; programs: Program[]; clock?: Clock }) => {
  const { dir, programs, clock = createSystemClock() } = options;
  const notes: string[] = [];
  const pids = createPidFile(join(dir, 'pids.json'));
  const supervisor = createSupervisor({ programs, clock, pids, note: (text) => notes.push(text) });
  const pid = (name: string): number => supervisor.pid(name) ?? 0;
  t.teardown(() => {
    for (const { name } of programs) if (pid(name) > 0) process.kill(-pid(name), 'SIGKILL');
  });
  const ready = () =>
    eventually(() => programs.every(({ name }) => existsSync(join(dir, `${name}.ready`))), { what: 'ready' });
  return { supervisor, notes, pids, pid, ready };
};

t.test('supervisor - programs of one kind stop side by side, kinds in reverse', async (t) => {
  const dir = makeDir(t);
  const say = (name: string): string => `echo ${name} >> ended`;
  // neither ends before the other has been asked to
  const waitsFor = (name: string, other: string): string =>
    `: > ${name}.asked; until [ -e ${other}.asked ]; do sleep 0.05; done; ${say('cell')}; exit 0`;
  const programs = [
    shell(dir, 'bbs', `${say('bbs')}; exit 0`),
    shell(dir, 'cell-1', waitsFor('cell-1', 'cell-2')),
    shell(dir, 'cell-2', waitsFor('cell-2', 'cell-1')),
    shell(dir, 'api', `${say('api')}; exit 0`),
  ];
  const { supervisor, notes, pids, ready } = supervise(t, { dir, programs });
  supervisor.start();
  await ready();
  await supervisor.stop();
  t.equal(readFileSync(join(dir, 'ended'), 'utf8'), 'api\ncell\ncell\nbbs\n');
  t.same(pids.names(), []);
  t.same(notes, [], 'what was asked to end is not started again');
});

t.test('supervisor - one that ends is started again, later each time, and that is told', async (t) => {
  const dir = makeDir(t);
  const clock = createFakeClock();
  const programs = [shell(dir, 'router', 'exit 3')];
  const { supervisor, notes, pid } = supervise(t, { dir, programs, clock });
  supervisor.start();
  const killed = async (): Promise<string> => {
    const [before, told] = [pid('router'), notes.length];
    process.kill(-before, 'SIGKILL');
    await eventually(() => notes.length > told, { what: 'a note' });
    t.equal(pid('router'), 0);
    await clock.advance(10_000);
    t.not(pid('router'), before);
    return notes.at(-1) ?? '';
  };
  t.equal(await killed(), 'router ended (SIGKILL); starting it again in 0.2 s');
  t.equal(await killed(), 'router ended (SIGKILL); starting it again in 0.4 s');
  await clock.advance(30_000);
  t.equal(await killed(), 'router ended (SIGKILL); starting it again in 0.2 s', 'it ran long enough');
  process.kill(-pid('router'), 'SIGKILL');
  await eventually(() => pid('router') === 0, { what: 'its end' });
  await supervisor.stop();
  await clock.advance(60_000);
  t.equal(pid('router'), 0, 'one that waits to be started again is not');
});

t.test('supervisor - why one ended is told in its own words', async (t) => {
  const dir = makeDir(t);
  const broken: Program = { ...shell(dir, 'bbs', ''), args: ['-c', 'echo first >&2; echo bad >&2; exit 4'] };
  const absent: Program = { ...shell(dir, 'nats-1', ''), command: join(dir, 'no-such-program') };
  const { supervisor, notes } = supervise(t, { dir, programs: [absent, broken], clock: createFakeClock() });
  supervisor.start();
  await eventually(() => notes.length === 2, { what: 'two notes' });
  t.match(notes.sort(), [
    /^bbs ended \(status 4\): bad; starting it again in 0\.2 s$/,
    /^nats-1 ended \(spawn .*no-such-program ENOENT\); starting it again in 0\.2 s$/,
  ]);
  await supervisor.stop();
});

t.test('supervisor - one that has done what it was there for is not started again', async (t) => {
  const dir = makeDir(t);
  const clock = createFakeClock();
  const done: Program = { ...shell(dir, 'cell-1', ''), args: ['-c', 'exit 0'] };
  const { supervisor, notes, pid } = supervise(t, { dir, programs: [done], clock });
  supervisor.start();
  await eventually(() => notes.length === 1, { what: 'a note' });
  t.same(notes, ['cell-1 has ended as it was asked to, and is not started again']);
  await clock.advance(60_000);
  t.equal(pid('cell-1'), 0);
  await supervisor.stop();
});

t.test('supervisor - one that does not end by itself is killed', async (t) => {
  const dir = makeDir(t);
  const clock = createFakeClock();
  const { supervisor, pid, ready } = supervise(t, { dir, programs: [shell(dir, 'api', '')], clock });
  supervisor.start();
  await ready();
  const stopped = supervisor.stop();
  await clock.advance(19_999);
  t.not(pid('api'), 0);
  await clock.advance(1);
  await stopped;
  t.equal(pid('api'), 0);
});
