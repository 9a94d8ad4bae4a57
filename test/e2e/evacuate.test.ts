/** A cell of a system of processes is emptied by the command line: nothing that ran is missing meanwhile. */
import { join } from 'node:path';
import t from 'tap';
import { desiredLrp, must } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { runAction } from '../support/lrps.js';
import { editConfig } from '../support/processes-tls.js';
import { startProcessSystem } from '../support/processes.js';
import { requireSuite } from '../support/requires.js';

const SLEEP = desiredLrp({
  processGuid: 'sleeper',
  instances: 4,
  memoryMb: 16,
  diskMb: 16,
  action: runAction({ path: '/bin/sleep', args: ['100000'] }),
});

requireSuite(t, 'nats', () => {
  t.test('outcry cell evacuate - moves what runs, and ends the rep', async (t) => {
    const system = await startProcessSystem({
      ...{ cells: 2, natsServers: 1 },
      async prepare(dir) {
        for (const cell of ['cell-1', 'cell-2']) {
          const quick = { evacuation_polling_interval: '500ms', polling_interval: '2s' };
          editConfig(join(dir, cell, 'cell.yml'), (config) => ({ ...config, ...quick }));
        }
        return { socketPath: join(dir, 'control/run/bbs.sock') };
      },
    });
    t.teardown(() => system.close());
    must(await system.bbs.desireLrp(SLEEP, ''));
    const running = async (): Promise<Map<string, number>> => {
      const cells = new Map<string, number>();
      for (const { state, cellId, presence } of must(await system.bbs.actualLrps({})))
        if (state === 'RUNNING' && presence === 'ORDINARY') cells.set(cellId, (cells.get(cellId) ?? 0) + 1);
      return cells;
    };
    await eventually(async () => (await running()).get('cell-1') === 2, { timeoutMs: 60_000 });
    t.match((await system.tryOutcry('cell', 'evacuate', 'cell-7')).output, /no cell 'cell-7'/);
    t.match(await system.outcry('cell', 'evacuate', 'cell-1'), /is being emptied of 2 instances and 0 tasks/);
    const again = await system.tryOutcry('cell', 'evacuate', 'cell-1');
    t.match(again.output, /is being emptied already|no cell 'cell-1'|it is not on the bus/, 'it may be gone');
    await eventually(async () => (await running()).get('cell-2') === 4, { timeoutMs: 60_000 });
    await eventually(async () => !(await system.outcry('cells')).includes('cell-1'), { timeoutMs: 60_000 });
    t.same(system.defects(), []);
  });
});
