import t from 'tap';
import { startProcessSystem } from '../support/processes.js';
import * as scenario from '../support/processes-scenarios.js';
import { requireSuite } from '../support/requires.js';

requireSuite(t, 'nats', () => {
  t.test('processes - work, killed servers and processes, NATS away, a machine asleep', async (t) => {
    const system = await startProcessSystem({ cells: 3, natsServers: 3 });
    t.teardown(system.close);
    const step = async (name: string, run: () => Promise<scenario.Counts>): Promise<void> => {
      await t.test(name, async (t) => {
        t.comment(JSON.stringify(await run()));
        t.same(system.defects(), []);
      });
    };
    await scenario.pushProbe(system, 3);
    await step('everyday work', () => scenario.everydayWork(system));
    await step('a NATS server killed', () => scenario.natsServerKilled(system));
    await step('NATS away', () => scenario.natsDown(system, { downMs: 5_000 }));
    await step('each process killed', () => scenario.eachProcessKilled(system));
    await step('the router killed', () => scenario.routerKilled(system));
    await step('the machine asleep', () => scenario.machineAsleep(system, { sleepMs: 20_000 }));
    await step('a cell killed', () => scenario.cellKilled(system, { tasks: 6 }));
    await step('all deleted', () => scenario.deleteAll(system));
  });
});
