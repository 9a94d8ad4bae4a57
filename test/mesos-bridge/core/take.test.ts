import t from 'tap';
import { cellIdOf } from '../../../mesos-bridge/core/cell-id.js';
import { compileConstraint } from '../../../mesos-bridge/core/constraints.js';
import type { MesosBook } from '../../../mesos-bridge/core/book.js';
import type { Offer } from '../../../mesos-bridge/core/offer.js';
import { resourcesText, scalarOf, writeResources } from '../../../mesos-bridge/core/resources.js';
import { lrpWork, taskWork } from '../../support/lrps.js';
import { ROLE, bookWith, offer, shapesOf, status, take } from '../../support/mesos-book.js';

const stateOf = (book: MesosBook, agentId: string, now = 0) =>
  book.changes(0, now).states.find(({ cellId }) => cellId === cellIdOf(agentId))!;
const lrp = (index: number, over: Parameters<typeof lrpWork>[0] & { hostPorts?: number } = {}) =>
  lrpWork({ index, placementId: `app.${index}`, ...over });

t.test('bids - an offer is a cell that does not exist yet; its executor is paid for first', async (t) => {
  const book = bookWith([offer('a-S7', { cpus: 2, mem: 1024, disk: 2000 })]);
  const state = stateOf(book, 'a-S7');
  t.match(state, {
    cellId: 'mesos-a-S7',
    cellIndex: 7,
    placeable: true,
    available: { memoryMb: 896, diskMb: 1936, containers: 256 },
    total: { memoryMb: 896, diskMb: 1936, containers: 256 },
    cpuMilliAvailable: 1900,
    cpuMilliTotal: 1900,
    zone: 'z1',
  });
  t.equal(book.changes(0, 0).states[0], state, 'nothing has changed: the same state, of the same version');
});

t.test('#28 cpus are deducted within a batch: nothing is over-committed', async (t) => {
  const book = bookWith([offer('a', { cpus: 0.4 })]);
  const { outcomes, acceptance } = take(book, 'a', {
    lrps: [0, 1, 2, 3].map((at) => lrp(at, { cpuMilli: 100 })),
  });
  t.same(
    outcomes.map(({ reason }) => reason),
    ['', '', '', 'insufficient resources: cpu'],
  );
  t.equal(acceptance?.tasks.length, 3);
  t.equal(scalarOf(acceptance!.left, 'cpus'), 0);
});

t.test('#37 what is asked for again while its executor starts is not launched twice', async (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  const first = take(book, 'a', {
    lrps: [lrp(0)],
    tasks: [taskWork({ taskGuid: 'once', placementId: 'o' })],
  });
  t.equal(first.acceptance?.tasks.length, 2);
  const again = { ...lrp(0), placementId: 'app.0.after-it-was-deferred' };
  t.ok(book.isUnderWay(again));
  t.ok(book.isUnderWay({ taskGuid: 'once' }));
  const second = take(book, 'b', {
    lrps: [again],
    tasks: [taskWork({ taskGuid: 'once', placementId: 'p' })],
  });
  t.match(second, { outcomes: [{ status: 'accepted' }, { status: 'accepted' }], acceptance: undefined });
  t.notOk(book.isUnderWay(lrp(1)));
  book.status(status(first.acceptance!.tasks[0]!, 'TASK_RUNNING', { agentId: 'a' }), 1);
  t.notOk(
    book.isUnderWay(again),
    'an instance that has run may be wanted again: its place may have been lost',
  );
});

t.test('#29 an agent is taken to the last MB', async (t) => {
  const book = bookWith([offer('a', { cpus: 1, mem: 256, disk: 128 })]);
  t.match(stateOf(book, 'a').available, { memoryMb: 128, diskMb: 64 });
  const { outcomes } = take(book, 'a', { lrps: [lrp(0, { memoryMb: 128, diskMb: 64 })] });
  t.match(outcomes, [{ status: 'accepted' }]);
});

t.test(
  '#30 the executor is charged once, with the first task, and never again while it is there',
  async (t) => {
    const book = bookWith([offer('a', { mem: 1024 })]);
    const first = take(book, 'a', { lrps: [lrp(0)] }).acceptance!;
    t.ok(first.executor.isNew);
    t.equal(
      resourcesText(first.executor.resources),
      `cpus(allocated: ${ROLE}):0.1; mem(allocated: ${ROLE}):128; disk(allocated: ${ROLE}):64`,
    );
    t.equal(scalarOf(first.left, 'mem'), (1024 - 128 - 64) * 1000);
    book.offered([offer('a', { mem: 832 }, { executorIds: [{ value: first.executor.id }] })], {
      now: 1,
      wall: 0,
    });
    t.match(stateOf(book, 'a', 1), { available: { memoryMb: 832 }, total: { memoryMb: 896 } });
    const second = take(book, 'a', { lrps: [lrp(1)] }, 1).acceptance!;
    t.same([second.executor.isNew, second.executor.id], [false, first.executor.id]);
    t.equal(scalarOf(second.left, 'mem'), (832 - 64) * 1000);
  },
);

t.test(
  '#32 host ports are taken from the offer, as many as are wanted, and none where none is',
  async (t) => {
    const book = bookWith([offer('a', { ports: 3 })]);
    const { outcomes, acceptance } = take(book, 'a', {
      lrps: [lrp(0, { hostPorts: 2 }), lrp(1, { hostPorts: 1 }), lrp(2, { hostPorts: 1 })],
      tasks: [taskWork()],
    });
    t.same(
      acceptance?.tasks.map(({ ports }) => ports),
      [[31_000, 31_001], [31_002], []],
    );
    t.match(outcomes[2], { status: 'refused', reason: 'insufficient resources: ports' });
    t.match(outcomes[3], { status: 'accepted' }, 'an agent without spare ports still takes what needs none');
  },
);

t.test('#27 cpus come from what is asked for, else from a share of the memory', async (t) => {
  const book = bookWith([offer('a')], { bids: { cpuMilliPerGb: 500 } });
  const { acceptance } = take(book, 'a', {
    lrps: [lrp(0, { memoryMb: 1024 }), lrp(1, { memoryMb: 512, cpuMilli: 1500 }), lrp(2, { memoryMb: 4 })],
  });
  t.same(
    acceptance?.tasks.map(({ resources }) => scalarOf(resources, 'cpus')),
    [500, 1500, 10],
  );
  const scarce = bookWith([offer('b', { cpus: 0.35, mem: 4096 })], { bids: { cpuMilliPerGb: 500 } });
  t.equal(stateOf(scarce, 'b').available.memoryMb, 512, 'as much memory as there is CPU for');
});

t.test('#36 what is taken is booked at once: the next batch sees it', async (t) => {
  const book = bookWith([offer('a')]);
  const before = stateOf(book, 'a');
  take(book, 'a', { lrps: [lrp(0), lrp(1)], tasks: [taskWork()] });
  const after = stateOf(book, 'a');
  t.ok(after.version > before.version);
  t.same([...after.lrpCounts], [['app', 2]]);
  t.match(after, { taskCount: 1, startingContainerCount: 3, placeable: false, available: { memoryMb: 0 } });
  t.match(take(book, 'a', { lrps: [lrp(2)] }).outcomes, [
    { status: 'refused', reason: 'no offer of the agent is held any more' },
  ]);
});

t.test('#37 the same placement has the same answer, once launched or once refused', async (t) => {
  const book = bookWith([offer('a', { mem: 256 })]);
  const work = { lrps: [lrp(0), lrp(1, { memoryMb: 1000 })] };
  const first = take(book, 'a', work);
  t.equal(first.acceptance?.tasks.length, 1);
  book.offered([offer('a', {}, { executorIds: [{ value: first.acceptance!.executor.id }] })], {
    now: 1,
    wall: 0,
  });
  const again = take(book, 'a', work, 1);
  t.equal(again.acceptance, undefined);
  t.same(
    again.outcomes,
    first.outcomes.toSorted((a, b) => (a.placementId < b.placementId ? -1 : 1)),
  );
  const { acceptance } = take(book, 'a', { tasks: [taskWork()] }, 1);
  book.status(status(acceptance!.tasks[0]!, 'TASK_RUNNING', { agentId: 'a' }), 1);
  book.offered([offer('b')], { now: 1, wall: 0 });
  t.match(take(book, 'b', { tasks: [taskWork({ placementId: 'task@1' })] }, 1).outcomes, [
    { reason: 'the task is on Mesos already' },
  ]);
});

t.test('take - what came to nothing may be asked for again at once', async (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  const first = take(book, 'a', { lrps: [lrp(0)] }).acceptance!;
  t.same(
    book.unsent(first, 1).map(({ id }) => id),
    first.tasks.map(({ id }) => id),
  );
  t.equal(book.executors.on('a'), undefined);
  const second = take(book, 'b', { lrps: [lrp(0)] }, 1).acceptance!;
  const lost = status(second.tasks[0]!, 'TASK_DROPPED', {
    source: 'SOURCE_MASTER',
    reason: 'REASON_INVALID_OFFERS',
    uuid: '',
  });
  t.match(book.status(lost, 2), { meaning: 'lost', acknowledge: false });
  t.equal(book.executors.on('b'), undefined, 'its executor never was');
  book.offered([offer('b')], { now: 3, wall: 0 });
  t.match(take(book, 'b', { lrps: [lrp(0)] }, 3).outcomes, [{ status: 'accepted' }]);
});

t.test('take - a task that may have begun on an agent out of sight is the board to judge', async (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  const [first] = take(book, 'a', { tasks: [taskWork()] }).acceptance!.tasks;
  book.status(status(first!, 'TASK_STARTING'), 1);
  const away = { source: 'SOURCE_MASTER', reason: 'REASON_AGENT_REMOVED', uuid: '' } as const;
  t.match(book.status(status(first!, 'TASK_UNREACHABLE', away), 2), { meaning: 'failed' });
  t.match(
    take(book, 'b', { tasks: [taskWork()] }, 3).acceptance?.tasks,
    [{ identity: { kind: 'task', taskGuid: taskWork().taskGuid } }],
    'it was still pending there: it is launched, not taken for accepted',
  );
  t.match(book.status(status(first!, 'TASK_RUNNING'), 4), { kill: true }, 'the first is not wanted any more');
});

t.test('take - an instance that its executor gave back is launched when it is asked for again', async (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  const [first] = take(book, 'a', { lrps: [lrp(0)] }).acceptance!.tasks;
  book.status(status(first!, 'TASK_STARTING'), 1);
  book.status(status(first!, 'TASK_KILLED'), 2);
  t.equal(take(book, 'b', { lrps: [lrp(0)] }, 3).acceptance?.tasks.length, 1);
});

t.test('take - an instance whose agent is out of sight is launched when it is asked for again', async (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  const [first] = take(book, 'a', { lrps: [lrp(0)] }).acceptance!.tasks;
  const away = { source: 'SOURCE_MASTER', reason: 'REASON_AGENT_REMOVED', uuid: '' } as const;
  t.match(book.status(status(first!, 'TASK_UNREACHABLE', away), 2), { meaning: 'suspect' });
  t.equal(take(book, 'b', { lrps: [lrp(0)] }, 3).acceptance?.tasks.length, 1);
});

t.test('take - what is given up with an agent that nobody knows is launched anew', async (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  const [first] = take(book, 'a', { lrps: [lrp(0)] }).acceptance!.tasks;
  const unknown = { source: 'SOURCE_MASTER', reason: 'REASON_RECONCILIATION', uuid: '' } as const;
  book.status(status(first!, 'TASK_UNKNOWN', unknown), 2);
  const calm = { demandWaits: true, inFlight: new Set<string>() };
  t.match(book.due(600_002, calm).tasks.lost, [{ id: first!.id }]);
  book.offered([offer('b')], { now: 600_003, wall: 0 });
  t.equal(take(book, 'b', { lrps: [lrp(0)] }, 600_003).acceptance?.tasks.length, 1);
});

t.test('take - given up, expired, foreign', async (t) => {
  const book = bookWith([offer('a')]);
  t.match(book.outcomes({ traceId: 't', placementIds: ['app.0'], deadlineMs: 100 }, 0), [
    { status: 'never_seen' },
  ]);
  t.match(take(book, 'a', { lrps: [lrp(0)] }).outcomes, [{ reason: 'placement was given up' }]);
  t.match(take(book, 'a', { lrps: [lrp(1)], incarnation: 'before' }).outcomes, [{ status: 'refused' }]);
  t.match(take(book, 'a', { lrps: [lrp(1)], deadlineMs: 0 }).outcomes, [{ reason: 'work has expired' }]);
  t.match(take(book, 'a', { lrps: [lrp(0)] }, 100).outcomes, [{ status: 'accepted' }]);
});

t.test('take - one ACCEPT has all offers of the agent, of one role', async (t) => {
  const small = offer('a', { mem: 100 });
  const large = offer('a', { mem: 2000 });
  const other = offer('a', { mem: 1000 }, { allocationInfo: { role: 'other' } });
  const book = bookWith([small, other, large], { rules: { roles: [ROLE, 'other'] } });
  t.equal(stateOf(book, 'a').available.memoryMb, 2100 - 128);
  const { acceptance } = take(book, 'a', { lrps: [lrp(0)] });
  t.same([acceptance?.role, acceptance?.offerIds], [ROLE, [small.id, large.id]]);
  t.equal(stateOf(book, 'a').available.memoryMb, 1000, 'the other role bids next; the executor is there');
});

t.test('#31 resources reserved for the role are used first and echoed', async (t) => {
  const [cpus, mem, disk] = shapesOf({ cpus: 1, mem: 192, disk: 200, ports: 0 });
  const reserved = {
    name: 'mem',
    type: 'SCALAR',
    scalar: { value: 32 },
    reservations: [{ type: 'STATIC', role: ROLE }],
  };
  const book = bookWith([offer('a', {}, { resources: [cpus!, mem!, disk!, reserved] })]);
  const { acceptance } = take(book, 'a', { lrps: [lrp(0)] });
  t.same(
    writeResources(acceptance!.executor.resources)
      .filter(({ name }) => name === 'mem')
      .map(({ scalar, reservations, allocationInfo }) => [
        scalar?.value,
        reservations.length,
        allocationInfo?.role,
      ]),
    [
      [32, 1, ROLE],
      [96, 0, ROLE],
    ],
  );
});

t.test('take - an agent that refused bids no more until its offers change, or for a while', async (t) => {
  const book = bookWith([offer('a', { ports: 0 })]);
  take(book, 'a', { lrps: [lrp(0, { hostPorts: 1 })] });
  t.equal(stateOf(book, 'a').placeable, false);
  t.equal(stateOf(book, 'a', 3_000).placeable, true);
  take(book, 'a', { lrps: [lrp(1, { hostPorts: 1 })] }, 3_000);
  book.offered([offer('a')], { now: 3_001, wall: 0 });
  t.equal(stateOf(book, 'a', 3_001).placeable, true);
});

const constraint = (field: string, operator: 'UNIQUE' | 'MAX_PER', value?: string) => {
  const made = compileConstraint({ field, operator, ...(value !== undefined && { value }) });
  if (!made.ok) throw new Error(made.error);
  return made.value;
};
const inRack = (agentId: string, rack: string): Offer =>
  offer(agentId, {}, { attributes: [{ name: 'rack', type: 'TEXT', text: { value: rack } }] });

t.test('#33 constraints between the instances of a process are kept', async (t) => {
  const perProcess = [constraint('rack', 'MAX_PER', '2'), constraint('@hostname', 'UNIQUE')];
  const book = bookWith([inRack('a', 'r1'), inRack('b', 'r1'), inRack('c', 'r1')], { rest: { perProcess } });
  const first = take(book, 'a', {
    lrps: [lrp(0), lrp(1), lrp(0, { processGuid: 'other', placementId: 'o' })],
  });
  t.match(
    first.outcomes.map(({ reason }) => reason),
    ['', 'placement constraint not met: @hostname UNIQUE', ''],
  );
  t.match(take(book, 'b', { lrps: [lrp(2)] }).outcomes, [{ status: 'accepted' }]);
  t.match(take(book, 'c', { lrps: [lrp(3)] }).outcomes, [
    { reason: 'placement constraint not met: rack MAX_PER 2' },
  ]);
});

t.test('#33 zone, tags, rootfs and volume drivers come from attributes and configuration', async (t) => {
  const attributes = [
    { name: 'rack', type: 'TEXT', text: { value: 'r9' } },
    { name: 'tier', type: 'TEXT', text: { value: 'gold, fast' } },
    { name: 'extra', type: 'SET', set: { item: ['ssd'] } },
    { name: 'broken', type: 'SCALAR' },
  ];
  const tags = [
    { attribute: 'tier', required: true },
    { attribute: 'extra', required: false },
  ];
  const inDomain = { faultDomain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } };
  const book = bookWith([offer('a', {}, { attributes }), offer('b', {}, { domain: inDomain })], {
    bids: { tags, volumeDrivers: ['nfs'], placementTags: ['mesos'] },
  });
  t.match(stateOf(book, 'a'), {
    zone: 'r9',
    placementTags: ['mesos', 'tier=fast', 'tier=gold'],
    optionalPlacementTags: ['extra=ssd'],
    volumeDrivers: ['nfs'],
    rootfsProviders: { preloaded: { type: 'fixed_set' } },
  });
  t.equal(stateOf(book, 'b').zone, 'eu-1');
  take(book, 'b', { lrps: [lrp(0)] });
  t.match(
    stateOf(book, 'b'),
    { zone: 'eu-1', placeable: false, placementTags: ['mesos'] },
    'the zone is known without an offer, too',
  );
});
