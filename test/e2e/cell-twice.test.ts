/** Two cells with one id: somebody has copied a machine, or mistyped. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
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
import { editConfig } from '../support/processes-tls.js';
import { startProcessSystem } from '../support/processes.js';
import type { ProcessSystem } from '../support/processes.js';
import { requireSuite } from '../support/requires.js';

const FIRST = 'cell-1';
const SECOND = 'second';
const PORTS = { first: 40_000, last: 40_999 };

/** The first one's directory on another machine: configured alike, with data of its own. */
const addSecond = ({ dir, add }: ProcessSystem): void => {
  cpSync(join(dir, FIRST), join(dir, SECOND), {
    recursive: true,
    filter: (path) => !/\/(data|run)\/./.test(path),
  });
  const file = join(dir, SECOND, 'cell.yml');
  editConfig(file, (config) => ({
    ...config,
    log: { file: join(dir, 'logs', `${SECOND}.log`) },
    admin: { socket: `run/${SECOND}-admin.sock` },
    host_ports: PORTS,
  }));
  add(SECOND, file);
};

const collisions = (system: ProcessSystem, name: string): Record<string, unknown>[] =>
  system.logged(name, 'rep.presence.lock-collision').map(({ data }) => data as Record<string, unknown>);

const workOf = (system: ProcessSystem, name: string): number =>
  system.logged(name, 'rep.auction-perform-work').length + system.logged(name, 'rep.stop-lrp').length;

requireSuite(t, 'nats', () => {
  t.test('two cells with one id - the second waits until the first is gone', async (t) => {
    const system = await startProcessSystem({ cells: 1, natsServers: 1, presenceTtlMs: 6_000 });
    t.teardown(system.close);
    await pushProbe(system, 2);
    const instances = identities(await rows(system));
    const asking = load(system);
    addSecond(system);
    system.start(SECOND);

    await t.test('it says so once, is not healthy, and is left out', async (t) => {
      await eventually(() => collisions(system, SECOND).length > 0, {
        timeoutMs: 30_000,
        what: 'it is told',
      });
      t.match(collisions(system, SECOND)[0], { code: 'CELL_ID_IN_USE', remedy: /an id of its own/ });
      t.match(await system.health(SECOND), { healthy: false, reason: 'another cell has this id' });
      t.same(identities(await rows(system)), instances, "the first one's instances go on");
    });

    await t.test('whatever is asked of the cell goes to the first', async (t) => {
      const before = workOf(system, FIRST);
      t.match(await system.outcry('scale', APP, '-i', '4'), /4 of 4 running/);
      await running(system, 4);
      t.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/);
      await system.outcry('scale', APP, '-i', '2');
      await running(system, 2);
      t.same(identities(await rows(system)), instances, 'the two of before are left');
      t.ok(workOf(system, FIRST) >= before + 4);
      t.equal(workOf(system, SECOND), 0, 'the second heard nothing');
      t.match(await system.outcry('cells'), /^cell-1 /m);
      await asking.stop();
      assertUnbroken('a second cell with one id', asking);
    });

    await t.test('after the first has died it takes over the id, and the instances run again', async (t) => {
      await system.kill(FIRST);
      await eventually(() => system.logged(SECOND, 'rep.presence.presence-acquired').length === 1, {
        timeoutMs: 30_000,
        what: 'the second holds the id',
      });
      await eventually(
        async () => {
          const now = await running(system, 2);
          return now.every(({ ports }) => ports.every(({ hostPort }) => hostPort >= PORTS.first)) && now;
        },
        // the BBS may first have to find, in a convergence, that the cell is back
        { timeoutMs: 60_000, what: 'both run at the second' },
      );
      await answers(system);
      t.match(await system.health(SECOND), { healthy: true });
      t.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/);
      t.equal(collisions(system, SECOND).length, 1, 'it had said it once');
    });

    await t.test('the first, back again, is the second now', async (t) => {
      const now = identities(await rows(system));
      system.start(FIRST);
      await eventually(() => collisions(system, FIRST).length > 0, { timeoutMs: 30_000, what: 'it is told' });
      t.match(collisions(system, FIRST)[0], { code: 'CELL_ID_IN_USE' });
      t.match(await system.health(FIRST), { healthy: false, reason: 'another cell has this id' });
      t.same(identities(await rows(system)), now);
    });
    t.same(system.defects(), []);
  });
});
