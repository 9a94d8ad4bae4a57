/** What a defect, a full disk or a moment's fault must not cost: rooms, rows, files, notes. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createFileNotes } from '../../cell-rep/containers/file-notes.js';
import type { RunPlan } from '../../cell-rep/core/run-plan.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createWorld, startRep } from '../support/rep.js';
import { desiredLrp } from '../support/lrps.js';

t.test('lrp - whose making breaks by a defect is told of at once, and its room is given back', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.runtime.create = () => Promise.reject(new Error('a defect'));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash app.0')), 'told');
  t.equal(world.logger.named('rep.ordinary-lrp-processor.container-life-failed').length, 1);
  await rep.until(() => rep.rep.cell.state().lrpCounts.size === 0, 'room is back');
  await rep.stop();
});

t.test('lrp - a container in which something breaks by a defect is destroyed', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.runtime.onRun = () => {
    throw new Error('a defect');
  };
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash app.0')), 'told');
  await rep.until(() => world.runtime.containers.size === 0, 'destroyed');
  t.same(rep.rep.cell.containers(), []);
  await rep.stop();
});

t.test('notes - a directory that cannot be made now is made later', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'outcry-notes-'));
  t.teardown(() => rm(parent, { recursive: true, force: true }));
  const dir = join(parent, 'notes');
  await writeFile(dir, 'in the way');
  const logger = createCaptureLogger();
  const notes = createFileNotes(dir, logger);
  const plan = { identity: { guid: 'g' } } as RunPlan;
  await notes.savePlan(plan);
  t.equal(logger.named('failed-to-write-container-notes').length, 1);
  await rm(dir);
  await notes.savePlan(plan);
  t.same(await readdir(dir), ['g.plan.json']);
});
