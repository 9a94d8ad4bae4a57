/**
 * Two auctioneers as separate processes over a real NATS server: killed and paused while work is asked for. NATS killed
 * and away, and each process killed: processes.test.ts.
 */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.js';
import { APP, pushProbe, rows, running, startsOf } from '../support/processes-scenarios.js';
import { editConfig } from '../support/processes-tls.js';
import { startProcessSystem } from '../support/processes.js';
import type { ProcessSystem } from '../support/processes.js';
import { requireSuite } from '../support/requires.js';

const FIRST = 'auctioneer';
const SECOND = 'second';
const LEASE_MS = 2_000;

const bbsIn = (dir: string): string => join(dir, 'control/run/bbs.sock');

const addSecond = ({ dir, add }: ProcessSystem): void => {
  cpSync(join(dir, 'control'), join(dir, SECOND), {
    recursive: true,
    filter: (path) => !/\/(data|run)\/./.test(path),
  });
  const file = join(dir, SECOND, 'auctioneer.yml');
  editConfig(file, (config) => ({
    ...config,
    bbs: { socket: bbsIn(dir) },
    log: { file: join(dir, 'logs', `${SECOND}.log`) },
    admin: { socket: `run/${SECOND}-admin.sock` },
  }));
  add(SECOND, file);
};

const isHolding = (system: ProcessSystem, name: string): boolean => {
  const told = (event: string) => system.logged(name, `auctioneer.${event}`).length;
  return told('lease-gained') > told('lease-lost');
};

/** Instance guids with a process, as the cells have logged it. */
const live = (system: ProcessSystem): string[] => {
  const guids = (event: string): string[] =>
    system.cells.flatMap((cell) =>
      system
        .logged(cell, `rep.ordinary-lrp-processor.${event}`)
        .map(({ data }) => (data as { instanceGuid: string }).instanceGuid),
    );
  const ended = new Set(guids('process-completed-container'));
  return guids('process-running-container')
    .filter((guid) => !ended.has(guid))
    .sort();
};

/** grows when the lease of that one has ended: by its own word, or since the other has it */
const endings = (system: ProcessSystem, name: string): number => {
  const other = name === FIRST ? SECOND : FIRST;
  return (
    system.logged(name, 'auctioneer.lease-lost').length +
    system.logged(other, 'auctioneer.lease-gained').length
  );
};

/** What happens to an auctioneer, and what ends that. */
const TROUBLES: Record<string, (system: ProcessSystem, name: string) => Promise<() => void>> = {
  'paused beyond its lease': async (system, name) => {
    system.signal(name, 'SIGSTOP');
    return () => system.signal(name, 'SIGCONT');
  },
  killed: async (system, name) => {
    await system.kill(name);
    return () => system.start(name);
  },
};

requireSuite(t, 'nats', () => {
  t.test('two auctioneers - killed and paused under work: nothing twice, nothing lost', async (t) => {
    const system = await startProcessSystem({
      cells: 2,
      natsServers: 1,
      async prepare(dir) {
        editConfig(join(dir, 'control/auctioneer.yml'), (config) => ({ ...config, lease_ttl: LEASE_MS }));
        return { socketPath: bbsIn(dir) };
      },
    });
    t.teardown(system.close);
    addSecond(system);
    system.start(SECOND);
    await pushProbe(system, 1);
    let instances = 1;
    for (const [name, trouble] of Object.entries(TROUBLES)) {
      const active = [FIRST, SECOND].find((one) => isHolding(system, one)) ?? FIRST;
      const before = endings(system, active);
      const scaled = system.outcry('scale', APP, '--instances', String((instances += 1)));
      const mend = await trouble(system, active);
      await scaled;
      await system.outcry(
        'run-task',
        APP,
        `echo "${active}-${instances} $(cat /proc/sys/kernel/random/uuid)"`,
      );
      await eventually(() => endings(system, active) > before, { what: `${name}: its lease ends` });
      mend();
      const found = await running(system, instances);
      await eventually(() => live(system).length === instances, { what: `${name}: as many processes` });
      t.same(live(system), found.map(({ instanceGuid }) => instanceGuid).sort(), name);
      await eventually(
        async () => startsOf(await system.outcry('logs', APP, '--recent'), `${active}-${instances}`) === 1,
        { timeoutMs: 60_000, what: `${name}: the task has run` },
      );
    }
    assert.equal((await rows(system)).length, instances);
    t.same(system.defects(), []);
  });
});
