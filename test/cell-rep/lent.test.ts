import t from 'tap';
import type { ContainerChange } from '../../cell-rep/index.js';
import type { Demand } from '../../cell-rep/core/resources.js';
import { desiredLrp, lrpWork, pendingTask, workFor } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

/** A cell that lives on what it is lent: nothing at first. */
const lentCell = async () => {
  const world = createWorld();
  const heard: (ContainerChange & { guid: string })[] = [];
  const lent = { memoryMb: 0, diskMb: 0, containers: 0, cpuMilli: 0 };
  const ports = new Map<string, number[]>();
  const rep = await startRep(
    world,
    {},
    {
      watcher: { changed: ({ guid }, change) => void heard.push({ guid, ...change }) },
      grants: { total: () => lent, hostPorts: (guid) => ports.get(guid) },
    },
  );
  const grant = (more: Partial<Demand>): void =>
    void Object.assign(lent, { memoryMb: 64, diskMb: 64, containers: 1, cpuMilli: 100, ...more });
  const states = (): string[] =>
    heard.map((one) => (one.state === 'ended' ? `${one.state} ${one.end.how}` : one.state));
  return { world, rep, heard, ports, grant, states };
};

const named = { instanceGuid: 'instance-1' };

t.test('lent - the cell takes what is granted, no more, and is no place in an auction', async (t) => {
  const { world, rep, grant } = await lentCell();
  world.bbs.desired.set('app', desiredLrp());
  t.match(rep.rep.cell.state(), { placeable: false, total: { memoryMb: 0, containers: 0 } });
  t.match(rep.workLrp({ ...named, placementId: 'a' }).outcomes, [
    { status: 'refused', reason: 'insufficient resources: containers, disk, memory' },
  ]);
  grant({});
  t.match(rep.workLrp({ ...named, placementId: 'b' }).outcomes, [{ status: 'accepted' }]);
  t.match(rep.rep.cell.state(), {
    placeable: false,
    total: { memoryMb: 64, containers: 1 },
    available: { memoryMb: 0, containers: 0 },
    cpuMilliTotal: 100,
  });
  t.equal(rep.rep.cell.state().lrpCounts.get('app'), 1, 'its counts are told');
  grant({ memoryMb: 128, diskMb: 128, containers: 2 });
  t.match(rep.workLrp({ ...named, placementId: 'c' }).outcomes, [
    { status: 'refused', reason: 'instance is already on this cell' },
  ]);
  t.match(rep.workLrp({ instanceGuid: 'no token!', placementId: 'd' }).outcomes, [
    { status: 'refused', reason: 'invalid work: instance_guid' },
  ]);
  await rep.stop();
});

t.test('lent - the instance has the guid and the host ports that came with it', async (t) => {
  const { world, rep, grant, ports } = await lentCell();
  world.bbs.desired.set('app', desiredLrp());
  grant({});
  ports.set('instance-1', [31_005, 31_007]);
  rep.workLrp(named);
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  t.equal(rep.only().guid, 'instance-1');
  t.same(rep.only().spec.hostPorts, [31_005, 31_007]);
  t.equal(world.bbs.starts[0]?.instanceKey.instanceGuid, 'instance-1');
  await rep.stop();
});

t.test('lent - an instance that crashes is told of with its exit, once its room is free', async (t) => {
  const { world, rep, grant, heard, states } = await lentCell();
  world.bbs.desired.set('app', desiredLrp());
  grant({});
  rep.workLrp(named);
  await rep.until(() => states().includes('running'), 'running');
  rep.only().main().exit({ code: 137, outOfMemory: true });
  await rep.until(() => states().includes('ended failed'), 'ended');
  t.equal(world.runtime.containers.size, 0, 'not before its container is gone');
  t.same(states(), ['running', 'ended failed']);
  t.match(heard.at(-1), {
    guid: 'instance-1',
    end: {
      reason: 'APP/PROC/WEB: Exited with status 137 (out of memory)',
      exit: { code: 137, outOfMemory: true },
    },
  });
  await rep.stop();
});

t.test('lent - an instance that exits 0 has failed: it was not to end', async (t) => {
  const { world, rep, grant, states } = await lentCell();
  world.bbs.desired.set('app', desiredLrp());
  grant({});
  rep.workLrp(named);
  await rep.until(() => states().includes('running'), 'running');
  rep.only().main().exit();
  await rep.until(() => states().length > 1, 'ended');
  t.same(states(), ['running', 'ended failed']);
  await rep.stop();
});

t.test('lent - what the board stops leaves traffic, and is told of as stopped', async (t) => {
  const { world, rep, grant, states, heard } = await lentCell();
  world.bbs.desired.set('app', desiredLrp());
  grant({});
  rep.workLrp(named);
  await rep.until(() => states().includes('running'), 'running');
  const { index, domain, processGuid } = lrpWork();
  rep.rep.cell.stop({ processGuid, index, domain, instanceGuid: 'instance-1', traceId: '' });
  await rep.until(() => states().includes('ended stopped'), 'ended');
  t.same(states(), ['running', 'stopping', 'ended stopped']);
  t.match(heard[1], { cause: 'requested' });
  await rep.stop();
});

t.test('lent - an instance whose place is withdrawn has the grace that it is given', async (t) => {
  const { world, rep, grant, states } = await lentCell();
  world.bbs.desired.set('app', desiredLrp());
  grant({});
  rep.workLrp(named);
  await rep.until(() => states().includes('running'), 'running');
  const main = rep.only().main();
  main.ignoresTerm = true;
  void rep.rep.cell.container('instance-1')?.stop('withdrawn', 3_000);
  await rep.until(() => main.signals.includes('SIGTERM'), 'told');
  const from = world.clock.monotonic();
  await rep.until(() => main.signals.includes('SIGKILL'), 'killed');
  t.ok(Math.abs(world.clock.monotonic() - from - 3_000) <= 20, 'not the ten seconds of the cell');
  await rep.until(() => states().includes('ended stopped'), 'ended');
  t.ok(world.bbs.calls.includes('remove app.0'), 'the board hears of it');
  await rep.stop();
});

t.test('lent - the board, which has not asked for it, is told that a withdrawn task failed', async (t) => {
  const { world, rep, grant, states } = await lentCell();
  world.bbs.allTasks.set('task', pendingTask());
  grant({});
  rep.workTask();
  await rep.until(() => states().includes('running'), 'running');
  void rep.rep.cell.container('task')?.stop('withdrawn');
  await rep.until(() => states().includes('ended stopped'), 'ended');
  t.match(world.bbs.completions, [
    { failed: true, failureReason: 'its place was withdrawn before completion' },
  ]);
  await rep.stop();
});

t.test(
  'lent - a task is told of as it ended; one that the board does not give was never begun',
  async (t) => {
    for (const [state, code, how] of [
      ['Pending', 0, 'finished'],
      ['Pending', 3, 'failed'],
      ['Completed', 0, 'dropped'],
    ] as const) {
      const { world, rep, grant, states, heard } = await lentCell();
      world.bbs.allTasks.set('task', pendingTask({ state }));
      grant({});
      rep.workTask();
      if (how !== 'dropped') {
        await rep.until(() => states().includes('running'), 'running');
        rep.only().main().exit({ code });
      }
      await rep.until(() => states().includes(`ended ${how}`), how);
      t.equal(heard.at(-1)?.guid, 'task');
      await rep.stop();
    }
  },
);

t.test('lent - work over the wire names its instance, or leaves it to the rep', async (t) => {
  const { encode, decode } = await import('../../common/wire/codec.js');
  const work = workFor('i', { lrps: [lrpWork(named), lrpWork({ index: 1 })] });
  const read = decode('Work', encode('Work', work));
  t.ok(read.ok);
  if (read.ok) t.same(read.value.lrps, work.lrps);
});
