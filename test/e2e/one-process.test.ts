import { existsSync, readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.js';
import {
  PROBE,
  type Running,
  ask,
  dataDir,
  isAlive,
  outcry,
  pidsOf,
  runStart,
  startOutcry,
  supervisorOf,
  visit,
} from '../support/one-process.js';

interface Instance {
  pid: number;
  index: string;
}

/** Asks until as many different instances have answered. */
const instances = async (running: Running, count: number): Promise<Map<string, number>> => {
  const seen = new Map<string, number>();
  await eventually(
    async () => {
      const { pid, index } = await ask<Instance>(running, '/pid');
      seen.set(index, pid);
      return seen.size === count;
    },
    { timeoutMs: 15_000, what: `${count} instances answer` },
  );
  return seen;
};

const pushProbe = async (t: Test, dir: string, count: number): Promise<void> => {
  const pushed = await outcry(dir, 'push', PROBE, '-i', String(count), '-m', '64M');
  t.equal(pushed.code, 0, pushed.output);
  t.match(pushed.output, new RegExp(`${count} of ${count} running`));
};

const ok = async (t: Test, dir: string, ...args: string[]): Promise<string> => {
  const { code, output } = await outcry(dir, ...args);
  t.equal(code, 0, `outcry ${args.join(' ')}\n${output}`);
  return output;
};

t.test('one process - the example answers, commands work, and Ctrl-C leaves nothing behind', async (t) => {
  const dir = await dataDir(t);
  const running = await startOutcry(t, dir);
  t.match((await visit(running, 'hello')).body, /^Hello from instance [012]/);

  t.match(await ok(t, dir, 'apps'), /hello\s+started\s+3\/3/);
  t.match(await ok(t, dir, 'app', 'hello'), /#2\s+running\s+cell-/);
  t.match(await ok(t, dir, 'cells'), /cell-3/);
  t.match(await ok(t, dir, 'scale', 'hello', '-i', '5'), /5 of 5 running/);
  t.match(await ok(t, dir, 'logs', 'hello', '--recent'), /\[APP\/PROC\/WEB\/4\] OUT listening on/);
  t.match(await ok(t, dir, 'run-task', 'hello', 'echo from the task', '--wait'), /succeeded/);
  t.match(await ok(t, dir, 'tasks', 'hello'), /succeeded/);
  t.match(await ok(t, dir, 'logs', 'hello', '--recent'), /\[APP\/TASK\/.*\] OUT from the task/);
  await ok(t, dir, 'stop', 'hello');
  await eventually(async () => (await visit(running, 'hello')).status === 404);
  t.equal((await visit(running, 'hello')).headers['x-cf-routererror'], 'unknown_route');
  t.match(await ok(t, dir, 'start', 'hello'), /5 of 5 running/);
  t.match(await ok(t, dir, 'restart', 'hello'), /5 of 5 running/);

  const second = await runStart('--data', dir);
  t.equal(second.code, 1);
  t.match(second.output, new RegExp(`DATA_DIR_LOCKED: .* process ${running.endpoint.pid} `));

  await pushProbe(t, dir, 2);
  const pids = [...(await instances(running, 2)).values()];
  const ended = await running.end('SIGINT');
  t.equal(ended.code, 0);
  t.same(pids.filter(isAlive), [], 'no application is left');
  t.same(pidsOf(dir), [], 'no process is left');
  t.notOk(existsSync(`${dir}/endpoint.json`));
  t.same(
    readdirSync(dir).filter((name) => name.endsWith('.sock')),
    [],
    'no socket is left',
  );

  const again = await startOutcry(t, dir);
  await instances(again, 2);
  t.match(await ok(t, dir, 'apps'), /probe\s+started\s+2\/2/);
  t.match(await ok(t, dir, 'apps'), /hello\s+started\s+5\/5/);
  await ok(t, dir, 'delete', 'hello');
  t.notMatch(await ok(t, dir, 'apps'), /hello/);
});

t.test('one process - kill -9 of an instance, of a supervisor, and of the whole', async (t) => {
  const dir = await dataDir(t);
  const running = await startOutcry(t, dir);
  await pushProbe(t, dir, 2);
  const before = await instances(running, 2);

  const victim = before.get('0') ?? 0;
  process.kill(victim, 'SIGKILL');
  const replaced = await eventually(
    async () => {
      const now = await instances(running, 2);
      return now.get('0') !== victim && now;
    },
    { timeoutMs: 5_000, what: 'a killed instance is back' },
  );

  const [orphan, ...others] = [...replaced.values()];
  const supervisor = supervisorOf(orphan ?? 0);
  process.kill(supervisor, 'SIGKILL');
  const healed = await eventually(
    async () => {
      const now = await instances(running, 2);
      return ![...now.values()].includes(orphan ?? 0) && now;
    },
    { timeoutMs: 15_000, what: 'the instance of a killed supervisor is back' },
  );
  t.notOk(isAlive(orphan ?? 0), 'what had lost its supervisor does not run on unseen');
  t.ok(
    others.every((pid) => [...healed.values()].includes(pid)),
    'the other instance was left alone',
  );

  process.kill(running.endpoint.pid, 'SIGKILL');
  await eventually(() => !isAlive(running.endpoint.pid));
  t.ok([...healed.values()].every(isAlive), 'containers outlive the platform');

  const again = await startOutcry(t, dir);
  t.same(await instances(again, 2), healed, 'the same processes, adopted');
  t.match((await outcry(dir, 'app', 'probe')).output, /2 of 2 running/);
  // what is adopted can also be stopped
  await ok(t, dir, 'stop', 'probe');
  await eventually(() => ![...healed.values()].some(isAlive));
});
