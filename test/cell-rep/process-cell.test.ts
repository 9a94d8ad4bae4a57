import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { LogBatch } from '../../common/model/logs.js';
import { createGroup } from '../../common/runtime/group.js';
import { assembleCellRep } from '../../cell-rep/assemble.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { eventually } from '../support/eventually.js';
import { createFakeBbs } from '../support/fake-bbs.js';
import { desiredLrp, lrpWork, pendingTask, runAction, taskWork, workFor } from '../support/lrps.js';
import { makeRoot, openRuntime, removeRoot } from '../support/process-runtime.js';
import { NO_UPLOADS } from '../support/no-uploads.js';

const WEB = `
  const server = require('http').createServer((q, r) => r.end(process.env.CF_INSTANCE_INDEX));
  server.listen(process.env.PORT, () => console.log('listening'));
`;

const node = (script: string) =>
  runAction({
    path: process.execPath,
    args: ['-e', script],
    user: '',
    env: [{ name: 'PORT', value: '8080' }],
  });

const HTTP = {
  checks: [{ httpCheck: { port: 8080, path: '/', requestTimeoutMs: 0, intervalMs: 0 } }],
  logSource: '',
  readinessChecks: [],
};

t.test(
  'cell - real processes: an HTTP instance is healthy, adopted, crashes; a task gives its result',
  async (t) => {
    const root = await makeRoot();
    const bus = createMemoryBus();
    const bbs = createFakeBbs();
    const lines: string[] = [];
    bus.client().subscribe('log.>', ({ payload }) => {
      const batch = JSON.parse(Buffer.from(payload).toString()) as LogBatch;
      lines.push(...batch.lines.map(({ payload: text }) => Buffer.from(text, 'base64').toString()));
    });
    const start = async (onStop: string) => {
      const parsed = cellRepConfig.parse(
        { cell_id: 'cell-1', data_dir: `${root}/rep`, on_stop: onStop },
        'test',
      );
      if (!parsed.ok) throw new Error('config');
      const logger = createCaptureLogger();
      const rep = assembleCellRep({
        uploader: NO_UPLOADS,
        config: parsed.value,
        clock: createSystemClock(),
        random: createSystemRandom(),
        logger,
        bus: bus.client(),
        bbs,
        runtime: openRuntime(root),
        downloader: { fetch: async () => ({ ok: false, reason: 'none' }) },
      });
      const group = createGroup(rep.members, logger);
      await group.start();
      await eventually(() => rep.cell.state().placeable);
      return { ...rep, group };
    };
    const url = (): string => {
      const netInfo = bbs.starts.at(-1)?.netInfo;
      return `http://${netInfo?.address}:${netInfo?.ports[0]?.hostPort}/`;
    };

    bbs.desired.set('app', desiredLrp({ action: node(WEB), checkDefinition: HTTP }));
    const first = await start('leave');
    first.cell.perform(
      workFor(first.cell.state().incarnation, { lrps: [lrpWork({ index: 3 })] }),
      performance.now(),
    );
    await eventually(() => bbs.starts.length === 1, { what: 'running' });
    t.equal(await (await fetch(url())).text(), '3');
    await eventually(() => lines.includes('listening'));
    await first.group.stop();
    t.equal(await (await fetch(url())).text(), '3', 'it serves while no rep runs');

    const second = await start('stop-containers');
    await eventually(() => bbs.starts.length === 2, { what: 'adopted' });
    t.equal(await (await fetch(url())).text(), '3');
    t.equal(lines.filter((line) => line === 'listening').length, 1);

    const script = "require('fs').writeFileSync('result', 'forty-two')";
    bbs.allTasks.set('task', pendingTask({ action: node(script), resultFile: 'result' }));
    second.cell.perform(workFor(second.cell.state().incarnation, { tasks: [taskWork()] }), performance.now());
    await eventually(() => bbs.completions.length === 1, { what: 'completed' });
    t.match(bbs.completions[0], { failed: false, result: 'forty-two' });

    const die = "console.error('dying'); process.exit(9)";
    bbs.desired.set('bad', desiredLrp({ processGuid: 'bad', action: node(die) }));
    const bad = lrpWork({ processGuid: 'bad', placementId: 'bad' });
    second.cell.perform(workFor(second.cell.state().incarnation, { lrps: [bad] }), performance.now());
    await eventually(() => bbs.calls.includes('crash bad.0: APP/PROC/WEB: Exited with status 9'), {
      what: 'crash',
    });
    await eventually(() => lines.includes('dying'), { what: 'its last words' });

    await second.group.stop();
    t.ok(bbs.calls.includes('remove app.3'));
    await t.rejects(fetch(url()), 'stopped with the cell');
    await removeRoot(root);
  },
);
