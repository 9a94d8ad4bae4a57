import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { readResources } from '../../../mesos-bridge/core/resources.js';
import type { MesosTask } from '../../../mesos-bridge/core/task-shelf.js';
import { createTaskShelf } from '../../../mesos-bridge/core/task-shelf.js';

const STATES = [
  ...(['LAUNCHED', 'TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'] as const),
  ...(['TASK_UNREACHABLE', 'TASK_UNKNOWN'] as const),
];

const resourcesOf = (cpus: number, mem: number) =>
  readResources([
    { name: 'cpus', type: 'SCALAR', scalar: { value: cpus } },
    { name: 'mem', type: 'SCALAR', scalar: { value: mem } },
  ]).resources;

/** few of each, so that they meet */
const taskArbitrary: fc.Arbitrary<MesosTask> = fc
  .record({
    id: fc.integer({ min: 0, max: 9 }),
    agent: fc.integer({ min: 0, max: 2 }),
    process: fc.constantFrom('', 'app-1', 'app-2'),
    state: fc.constantFrom(...STATES),
    cpus: fc.constantFrom(0.1, 2),
  })
  .map(({ id, agent, process, state, cpus }) => ({
    id: `task-${id}`,
    identity:
      process === ''
        ? { kind: 'task', taskGuid: `task-${id}`, attemptGuid: '' }
        : { kind: 'lrp', instanceGuid: `instance-${id}`, processGuid: process, index: id },
    agentId: `S${agent}`,
    executorId: `executor-${agent}`,
    placementId: `${id}`,
    resources: resourcesOf(cpus, 64),
    state,
    started: false,
    killing: false,
  }));

const recounted = (tasks: readonly MesosTask[]) => {
  const inSight = tasks.filter(({ state }) => !['TASK_UNREACHABLE', 'TASK_UNKNOWN'].includes(state));
  const lrpCounts = new Map<string, number>();
  for (const { identity } of inSight)
    if (identity.kind === 'lrp')
      lrpCounts.set(identity.processGuid, (lrpCounts.get(identity.processGuid) ?? 0) + 1);
  const sum = (name: string): number =>
    inSight
      .flatMap(({ resources }) => [...resources.values()])
      .reduce(
        (total, { of, amount }) =>
          of.name === name && amount.type === 'SCALAR' ? total + amount.milli : total,
        0,
      );
  return {
    lrpCounts,
    taskCount: inSight.filter(({ identity }) => identity.kind === 'task').length,
    startingCount: inSight.filter(({ state }) =>
      ['LAUNCHED', 'TASK_STAGING', 'TASK_STARTING'].includes(state),
    ).length,
    taken: { cpus: sum('cpus'), mem: sum('mem'), disk: 0 },
  };
};

t.test('task tally - counts are what counting all tasks of an agent anew would give', (t) => {
  const step = fc.oneof(taskArbitrary, fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const shelf = createTaskShelf(() => undefined);
      for (const one of steps) {
        if (typeof one === 'number') shelf.remove(`task-${one}`);
        else shelf.put(one);
      }
      for (const agentId of ['S0', 'S1', 'S2']) {
        const tasks = [...shelf.all()].filter((task) => task.agentId === agentId);
        assert.deepEqual(shelf.countsOn(agentId), recounted(tasks));
        assert.deepEqual(
          new Set(shelf.unreachableOn(agentId)),
          new Set(tasks.filter(({ state }) => state === 'TASK_UNREACHABLE')),
        );
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('task tally - what was told stays as it was', (t) => {
  const shelf = createTaskShelf(() => undefined);
  const [task] = fc.sample(taskArbitrary, 1);
  if (task === undefined) return t.end();
  const lrp: MesosTask = {
    ...task,
    state: 'TASK_RUNNING',
    identity: { kind: 'lrp', instanceGuid: 'i', processGuid: 'app', index: 0 },
  };
  shelf.put(lrp);
  const told = shelf.countsOn(lrp.agentId);
  shelf.remove(lrp.id);
  t.equal(told.lrpCounts.get('app'), 1);
  t.same(shelf.countsOn(lrp.agentId).lrpCounts.size, 0);
  t.end();
});
