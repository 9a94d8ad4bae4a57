import { readdirSync, watch } from 'node:fs';
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createFileTaskNotes } from '../../../mesos-bridge/executor/task-notes.js';
import type { TaskRecord } from '../../../mesos-bridge/executor/task-notes.js';
import { eventually } from '../../support/eventually.js';
import { oneOffTask } from '../../support/executor-world.js';

const recordOf = (taskId: string, uuid = 0): TaskRecord => {
  const task = oneOffTask(taskId);
  return {
    task,
    life: { phase: 'running' } as TaskRecord['life'],
    acknowledged: false,
    updates: [{ taskId: task.taskId, state: 'TASK_RUNNING', uuid: new Uint8Array(16).fill(uuid) }],
  };
};

t.test('task notes - the latest of each task is what the next life finds', async (t) => {
  const dir = t.testdir();
  const logger = createCaptureLogger();
  const notes = createFileTaskNotes(dir, logger);
  await notes.load();
  const [stays, goes, again] = ['stays', 'goes', 'again'].map((id) => recordOf(id)) as [
    TaskRecord,
    TaskRecord,
    TaskRecord,
  ];
  const done = [
    ...[1, 2, 3].map((uuid) => notes.save(recordOf('stays', uuid))),
    notes.save(goes),
    notes.remove(goes.task.taskId.value),
    notes.save(again),
    notes.remove(again.task.taskId.value),
    notes.save(again),
  ];
  await Promise.all(done);
  const found = await createFileTaskNotes(dir, logger).load();
  const updates = new Map(found.map(({ task, updates }) => [task.taskId.value, updates[0]?.uuid?.[0]]));
  t.same(
    updates,
    new Map([
      [stays.task.taskId.value, 3],
      [again.task.taskId.value, 0],
    ]),
  );
  await notes.remove(stays.task.taskId.value);
  t.equal(readdirSync(dir).length, 1);
  t.same(logger.named('task-not-noted'), []);
});

t.test('task notes - what is outdated before it is written never is', async (t) => {
  const dir = t.testdir();
  const notes = createFileTaskNotes(dir, createCaptureLogger());
  await notes.load();
  let writes = 0;
  const watcher = watch(
    dir,
    (event, name) => (writes += Number(event === 'rename' && name?.endsWith('.task'))),
  );
  t.teardown(() => watcher.close());
  await Promise.all(Array.from({ length: 50 }, (_, nth) => notes.save(recordOf('one', nth))));
  await notes.save(recordOf('other'));
  await eventually(() => writes >= 2);
  t.equal(writes, 2, 'one for each task');
});
