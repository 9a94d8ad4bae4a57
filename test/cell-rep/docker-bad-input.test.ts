/** What applications and their definitions do wrong, on a real Docker engine: each has a clear end, and the cell goes on. */
import t from 'tap';
import type { Test } from 'tap';
import type { Action } from '../../common/model/action.js';
import { sh } from '../support/action-programs.js';
import { startDockerCell } from '../support/docker-cell.js';
import { IMAGE_NODE, withDockerEngine } from '../support/docker-engine.js';
import type { DockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { runAction } from '../support/lrps.js';

const MIB = 1024 * 1024;

const node = (script: string): Action =>
  runAction({ path: IMAGE_NODE, args: ['-e', script], user: '', logSource: 'APP' });

const suite = async (engine: DockerEngine): Promise<void> => {
  const cell = await startDockerCell(engine);
  t.teardown(() => cell.stop());
  /** The cell does other work, and soon. */
  const goesOn = async (t: Test): Promise<void> => {
    t.match(await cell.complete({ action: sh('echo well > r'), resultFile: 'r' }), { result: 'well\n' });
  };

  t.test('bad input, Docker - images that cannot be had', async (t) => {
    const reasons = [
      ['preloaded:nothing', 'no such stack: nothing'],
      ['preloaded:', 'no such rootfs: preloaded:'],
      ['oci:///x', 'no such rootfs: oci:///x'],
      ['nonsense', 'no such rootfs: nonsense'],
      ['docker:///Upper/Case', /Upper\/Case/],
      ['docker:///some image#a b', /some image/],
      [
        'docker://127.0.0.1:9/none',
        "image 127.0.0.1:9/none:latest: nothing listens at its registry's 127.0.0.1:9",
      ],
    ] as const;
    const prefix = 'failed to create container: ';
    for (const [rootfs, expected] of reasons) {
      const reason = await cell.crash({ rootfs, action: sh('true') });
      t.ok(reason.startsWith(prefix), `${rootfs}: ${reason}`);
      t.match(reason.slice(prefix.length), expected, rootfs);
    }
    cell.startTask({ taskGuid: 'lost', rootfs: 'preloaded:nothing', action: sh('true') });
    await eventually(() => cell.bbs.calls.includes(`reject lost: ${prefix}no such stack: nothing`));
    await goesOn(t);
  });

  t.test('bad input, Docker - variables by the thousand, and one that is too large', async (t) => {
    const env = Array.from({ length: 10_000 }, (_, at) => ({
      name: `VARIABLE_${at}`,
      value: 'x'.repeat(50),
    }));
    const script =
      "const all = Object.keys(process.env).filter((one) => one.startsWith('VARIABLE_'));" +
      "require('fs').writeFileSync('r', String(all.length))";
    const run = runAction({ path: IMAGE_NODE, args: ['-e', script], user: '', env });
    t.match(await cell.complete({ action: run, resultFile: 'r' }), { failed: false, result: '10000' });
    const huge = [{ name: 'HUGE', value: 'x'.repeat(200_000) }];
    t.match(await cell.complete({ action: sh('true', { env: huge }) }), {
      failed: true,
      failureReason: 'argument list too long: environment variable HUGE',
    });
    await goesOn(t);
  });

  t.test('bad input, Docker - bytes that are no text, and a line of ten megabytes', async (t) => {
    const of = (source: string) => cell.lines.filter(({ sourceType }) => sourceType === source);
    const printed = (bytes: string, logSource: string): Action =>
      runAction({ path: IMAGE_NODE, args: ['-e', `process.stdout.write(${bytes})`], user: '', logSource });
    await cell.complete({ action: printed('Buffer.from([0, 255, 128, 1, 10])', 'BIN') });
    t.same([...(of('BIN')[0]?.bytes ?? [])], [0, 255, 128, 1]);
    await cell.complete({ action: printed("'z'.repeat(10_000_000) + '\\n'", 'LONG') });
    const pieces = of('LONG').filter(({ bytes }) => bytes[0] === 0x7a);
    t.ok(pieces.every(({ bytes }) => bytes.length <= 61_440));
    t.equal(
      pieces.reduce((sum, { bytes }) => sum + bytes.length, 0),
      10_000_000,
    );
  });

  t.test('bad input, Docker - a health check that is never answered', async (t) => {
    const deaf = "require('net').createServer(() => undefined).listen(8080)";
    const checks = [{ httpCheck: { port: 8080, path: '/', requestTimeoutMs: 0, intervalMs: 0 } }];
    const checkDefinition = { checks, logSource: '', readinessChecks: [] };
    const reason = await cell.crash({ action: node(deaf), checkDefinition, startTimeoutMs: 3_000 });
    t.match(reason, /^Instance never healthy after [34]\S*s: .*timed out after 1\.\d\d seconds$/);
  });

  t.test('bad input, Docker - a program that does not listen to SIGTERM', async (t) => {
    const processGuid = 'deaf';
    cell.startLrp({
      processGuid,
      action: sh('trap "" TERM; echo deaf; while :; do sleep 0.1; done'),
      ports: [],
    });
    await eventually(() => cell.texts().includes('APP OUT deaf'));
    const { instanceGuid } = cell.bbs.starts.find(({ key }) => key.processGuid === processGuid)!.instanceKey;
    cell.rep.cell.stop({ traceId: '', processGuid, index: 0, domain: 'test', instanceGuid });
    await eventually(() => cell.bbs.calls.includes('remove deaf.0'), { what: 'removed' });
    t.ok(cell.texts().includes('APP OUT Exit status 137 (exceeded 500ms graceful shutdown interval)'));
  });

  t.test('bad input, Docker - output as fast as it can be written', async (t) => {
    const megabytes = 200;
    const from = cell.lines.length;
    const flood = `
      const some = Buffer.from(('x'.repeat(99) + '\\n').repeat(10_000));
      for (let left = ${(megabytes * MIB) / 1e6}; left > 0; left -= 1) require('fs').writeSync(1, some);
    `;
    const began = performance.now();
    const flooded = cell.complete({ action: node(flood) });
    for (let round = 0; round < 3; round += 1) await goesOn(t);
    t.match(await flooded, { failed: false });
    t.comment(`${megabytes} MB in ${Math.round(performance.now() - began)} ms`);
    t.ok(cell.lines.length - from > 1_000, 'the end of it at least');
    await goesOn(t);
  });
};

await withDockerEngine(t, suite);
