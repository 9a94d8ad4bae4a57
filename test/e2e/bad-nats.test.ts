/** A component whom NATS does not know, or knows as somebody else. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { eventually } from '../support/eventually.js';
import {
  APP,
  answers,
  assertUnbroken,
  identities,
  load,
  pushProbe,
  rows,
  running,
} from '../support/processes-scenarios.js';
import { startProcessSystem } from '../support/processes.js';
import type { ProcessSystem } from '../support/processes.js';
import { requireSuite } from '../support/requires.js';

const INSTANCES = 2;

interface Case {
  what: string;
  component: string;
  /** its file of its NATS user, in the system's directory */
  file: string;
  spoil(dir: string, path: string): void;
  event: string;
  code: string;
  message: RegExp;
  health: RegExp;
}

const wrongPassword = (_dir: string, path: string): void => {
  const access = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...access, password: 'wrong' }));
};

const wrongPasswordOf = (component: string, home: string): Case => ({
  what: `a wrong password of ${component}`,
  component,
  file: `${home}/nats/${component}.json`,
  spoil: wrongPassword,
  event: 'nats.nats-refused-credentials',
  code: 'NATS_CREDENTIALS_REFUSED',
  message: new RegExp(`refuses the user ${component} or its password`),
  health: /the bus is not connected/,
});

const anothersFile = (component: string, home: string, other: string): Case => ({
  what: `the file of ${other} for ${component}`,
  component,
  file: `${home}/nats/${component}.json`,
  spoil: (dir, path) => cpSync(join(dir, other), path),
  event: 'nats.denied',
  code: 'NATS_PERMISSION_DENIED',
  message: /^the NATS user [a-z0-9-]+ may not (publish|subscribe) to /,
  health: /the NATS user [a-z0-9-]+ may not/,
});

const CASES: readonly Case[] = [
  wrongPasswordOf('auctioneer', 'control'),
  wrongPasswordOf('bbs', 'control'),
  wrongPasswordOf('cell-2', 'cell-2'),
  anothersFile('auctioneer', 'control', 'control/nats/router.json'),
  anothersFile('cell-2', 'cell-2', 'cell-1/nats/cell-1.json'),
];

/** A cell is killed, so that its containers run on. */
const again = async (system: ProcessSystem, name: string): Promise<void> => {
  await system.kill(name, system.cells.includes(name) ? 'SIGKILL' : 'SIGTERM');
  system.start(name);
};

const play = async (t: Test, system: ProcessSystem, one: Case): Promise<void> => {
  const path = join(system.dir, one.file);
  const right = readFileSync(path);
  const told = () =>
    system
      .logged(one.component, one.event)
      .map(({ data }) => data as Record<string, unknown>)
      .filter(({ code }) => code === one.code);
  const before = told().length;
  const instances = identities(await rows(system));
  const asking = load(system);

  one.spoil(system.dir, path);
  await again(system, one.component);
  await eventually(() => told().length > before, { timeoutMs: 30_000, what: 'it is told' });
  await eventually(
    async () => {
      const { healthy, reason } = await system.health(one.component);
      return !healthy && one.health.test(reason);
    },
    { timeoutMs: 30_000, what: 'its health says it' },
  );
  // a cell is not the only one; without the others it waits, and is not lost
  const wait = system.cells.includes(one.component) ? ['--wait'] : [];
  t.match(await system.outcry('run-task', APP, 'true', ...wait), wait.length > 0 ? /succeeded/ : /pending/);
  t.same(identities(await rows(system)), instances, 'nothing restarted');

  writeFileSync(path, right);
  await again(system, one.component);
  await system.ready();
  t.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/, 'all goes on');
  await running(system, INSTANCES);
  await answers(system);
  await asking.stop();
  assertUnbroken(one.what, asking);
  t.same(identities(await rows(system)), instances, 'nothing restarted, nothing lost');
  const [said, ...rest] = told().slice(before);
  t.match(said, { message: one.message, remedy: /file/ });
  const messages = [said, ...rest].map((data) => data?.['message']);
  t.equal(new Set(messages).size, messages.length, 'once each');
};

requireSuite(t, 'nats', () => {
  t.test('NATS - who is refused says so once and is not healthy; applications run on', async (t) => {
    const system = await startProcessSystem({ cells: 2, natsServers: 1, presenceTtlMs: 6_000 });
    t.teardown(system.close);
    await pushProbe(system, INSTANCES);
    for (const one of CASES) await t.test(one.what, (t) => play(t, system, one));
  });
});
