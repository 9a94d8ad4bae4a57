/** Machines whose clocks differ by a minute: nothing is decided by comparing them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import t from 'tap';
import { packageRoot } from '../../common/runtime/package-root.js';
import { withClock } from '../support/clock-skew.js';
import { eventually } from '../support/eventually.js';
import { visit } from '../support/one-process.js';
import {
  APP,
  answers,
  assertUnbroken,
  deleteAll,
  identities,
  load,
  pushProbe,
  rows,
  running,
} from '../support/processes-scenarios.js';
import { startProcessSystem } from '../support/processes.js';
import type { ProcessSystem } from '../support/processes.js';
import { requireSuite } from '../support/requires.js';

const CLOCKS: Readonly<Record<string, number>> = { 'cell-2': 60, 'cell-3': -60 };
const INSTANCES = 6;

/** Every instance prints a line with `word`. */
const printAll = async (system: ProcessSystem, word: string, seen: () => Promise<string>) => {
  const instances = new Set(Array.from({ length: INSTANCES }, (_, index) => String(index)));
  await eventually(
    async () => {
      await visit(system, APP, { path: `/print?${new URLSearchParams({ text: word }).toString()}` });
      const shown = await seen();
      const from = new Set(
        [...shown.matchAll(new RegExp(`APP/PROC/WEB/(\\d+)\\] OUT .*${word}`, 'g'))].map(
          ([, index]) => index,
        ),
      );
      return [...instances].every((index) => from.has(index));
    },
    { timeoutMs: 60_000, what: `lines of all ${INSTANCES} instances` },
  );
};

/** ms since the epoch of each line shown */
const timesIn = (shown: string): number[] =>
  [...shown.matchAll(/^(\S+T\S+)\+0000 \[/gm)].map(([, time]) => Date.parse(`${time}Z`));

requireSuite(t, 'clocks', () => {
  t.test('clocks a minute apart - nothing is lost, nothing hidden', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'outcry-clock-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const system = await startProcessSystem({
      cells: 3,
      natsServers: 1,
      presenceTtlMs: 6_000,
      command: (name, words) => {
        const seconds = CLOCKS[name];
        return seconds === undefined ? words : withClock(dir, seconds, words);
      },
    });
    t.teardown(system.close);
    await pushProbe(system, 3);
    t.match(await system.outcry('scale', APP, '-i', String(INSTANCES)), /6 of 6 running/);
    const instances = await running(system, INSTANCES);
    t.same([...new Set(instances.map(({ cellId }) => cellId))].sort(), [...system.cells]);
    for (const [cell, seconds] of Object.entries(CLOCKS)) {
      const [said] = system.logged(cell, 'rep.presence.presence-acquired');
      const ahead = Date.parse(String(said?.['time'])) - Date.now();
      t.ok(seconds < 0 ? ahead < -60_000 : ahead > 0, `${cell} has another time: ${ahead} ms`);
    }
    const before = identities(instances);
    const asking = load(system);

    await t.test('recent logs show all instances, by one clock', async (t) => {
      await printAll(system, 'recent-word', () => system.outcry('logs', APP, '--recent'));
      const now = Date.now();
      const far = timesIn(await system.outcry('logs', APP, '--recent')).filter(
        (time) => Math.abs(time - now) > 45_000,
      );
      t.same(far, [], 'no line is of another time');
    });

    await t.test('following shows all instances as they print', async (t) => {
      const follower = spawn(process.execPath, [join(packageRoot(), 'cli/bin/outcry.mjs'), 'logs', APP], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...system.env() },
      });
      let shown = '';
      follower.stdout.on('data', (bytes: Buffer) => (shown += String(bytes)));
      t.teardown(() => follower.kill('SIGKILL'));
      await printAll(system, 'followed-word', async () => shown);
    });

    await t.test('tasks run on every cell, and their output is shown', async (t) => {
      const words = Array.from({ length: 9 }, (_, at) => `task-word-${at}`);
      for (const word of words)
        t.match(await system.outcry('run-task', APP, `echo ${word}`, '--wait'), /succeeded/);
      await eventually(
        async () => {
          const shown = await system.outcry('logs', APP, '--recent');
          return words.every((word) => shown.includes(`OUT ${word}`));
        },
        { timeoutMs: 30_000, what: "every task's output" },
      );
    });

    await t.test('a cell and the BBS start again: nothing is declared lost', async (t) => {
      for (const name of ['cell-2', 'bbs', 'cell-3', 'auctioneer']) {
        await system.kill(name);
        system.start(name);
        await system.ready();
      }
      await running(system, INSTANCES);
      await answers(system);
      await asking.stop();
      assertUnbroken('clocks a minute apart', asking);
      t.same(identities(await rows(system)), before);
      for (const event of ['bbs.presence.cell-disappeared', 'bbs.presence.many-cells-vanished'])
        t.same(system.logged('bbs', event), []);
    });

    await deleteAll(system);
    t.same(system.defects(), []);
  });
});
