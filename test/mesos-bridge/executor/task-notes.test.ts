import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createFileTaskNotes } from '../../../mesos-bridge/executor/task-notes.js';
import type { TaskRecord } from '../../../mesos-bridge/executor/task-notes.js';
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
  t.same(logger.named('tasks-not-noted'), []);
});

t.test('task notes - what a life was killed over is not read, and all else is', async (t) => {
  const dir = t.testdir();
  const logger = createCaptureLogger();
  const notes = createFileTaskNotes(dir, logger);
  await notes.load();
  await Promise.all(['whole', 'broken'].map((id) => notes.save(recordOf(id))));
  const [name = ''] = readdirSync(dir);
  const lines = readFileSync(join(dir, name), 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 4, 'what Mesos said of each, and what has become of it');
  const cut = lines.map((line, at) => (at === 3 ? line.slice(0, -20) : line)).join('\n');
  writeFileSync(join(dir, name), cut);
  const found = await createFileTaskNotes(dir, logger).load();
  t.same(
    found.map(({ task }) => task.taskId.value),
    [oneOffTask('whole').taskId.value],
  );
  t.equal(logger.named('task-note-unreadable').length, 1);
});

t.test('task notes - what is outdated before it is written never is', async (t) => {
  const dir = t.testdir();
  const notes = createFileTaskNotes(dir, createCaptureLogger());
  await notes.load();
  await Promise.all(Array.from({ length: 50 }, (_, nth) => notes.save(recordOf('one', nth))));
  const [name = ''] = readdirSync(dir);
  const lines = readFileSync(join(dir, name), 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 2, 'the task, and the latest');
});

t.test('task notes - what does no harm when it is lost goes with what is written next', async (t) => {
  const dir = t.testdir();
  const logger = createCaptureLogger();
  const notes = createFileTaskNotes(dir, logger);
  await notes.load();
  const [ends, lives] = [recordOf('ends'), recordOf('lives')];
  await Promise.all([notes.save(ends), notes.save(lives)]);
  const found = async () => {
    const records = await createFileTaskNotes(dir, logger).load();
    return records.map(({ task, acknowledged }) => [task.taskId.value, acknowledged]);
  };
  const [first, second] = [ends.task.taskId.value, lives.task.taskId.value];
  notes.remove(first);
  notes.acknowledged({ ...lives, acknowledged: true, updates: [] });
  t.same(await found(), [
    [first, false],
    [second, false],
  ]);
  const next = recordOf('next');
  await notes.save(next);
  t.same(await found(), [
    [second, true],
    [next.task.taskId.value, false],
  ]);
});
