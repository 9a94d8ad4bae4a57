import t from 'tap';
import { desiredLrp, must, taskDefinition } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import type { MesosSystem } from '../support/mesos-system.js';
import { startMesosSystem } from '../support/mesos-system.js';

const LRP = { rootfs: 'preloaded:cflinuxfs4', memoryMb: 128, diskMb: 64 };

const TASK = { rootfs: 'preloaded:cflinuxfs4', memoryMb: 64, diskMb: 64 };

const running = async ({ bbs }: MesosSystem, processGuid = 'app') =>
  must(await bbs.actualLrps({ processGuid })).filter(({ state }) => state === 'RUNNING');

const until = <T>(what: string, check: () => T | Promise<T>) =>
  eventually(check, { timeoutMs: 20_000, what });

t.test(
  'bridge - with no cell at all: work waits for offers, an executor comes to be, and it runs',
  async (t) => {
    const world = await startMesosSystem(t);
    await world.startAuctioneer();
    await world.startBridge();
    must(await world.bbs.desireLrp(desiredLrp({ ...LRP, instances: 3 }), 't'));
    await until('three instances run', async () => (await running(world)).length === 3);
    t.equal(world.reps().length, 1, 'one executor');
    const [row] = await running(world);
    t.match(row?.cellId, /^mesos-/);
    const [rep] = world.reps();
    const infos = [...(rep?.tasks.values() ?? [])];
    t.equal(infos.length, 3);
    for (const { info, work } of infos) {
      t.equal(work.lrps[0]?.instanceGuid, info.taskId.value.split('.')[1]);
      t.notMatch(JSON.stringify(info.labels), /token/);
    }
  },
);

t.test('bridge - idle executors are released, offers go back, and the framework is suppressed', async (t) => {
  const world = await startMesosSystem(t, { agents: 2 });
  await world.startAuctioneer();
  await world.startBridge();
  must(await world.bbs.desireLrp(desiredLrp({ ...LRP, instances: 2 }), 't'));
  await until('both run', async () => (await running(world)).length === 2);
  must(await world.bbs.removeDesiredLrp('app', 't'));
  for (const row of must(await world.bbs.actualLrps({}))) await world.endAsStopped(row.instanceGuid);
  await until('no executor is left', () => world.reps().every(({ alive }) => !alive));
  await until('no offer is held, and none wanted', async () => {
    const offers = await world.offers();
    return offers.held === 0 && offers.suppressed && offers.executors === 0 && offers.tasks === 0;
  });
});

t.test('bridge - a task runs once, and its end is told by its rep', async (t) => {
  const world = await startMesosSystem(t);
  await world.startAuctioneer();
  await world.startBridge();
  must(await world.bbs.desireTask({ taskGuid: 'job', domain: 'd', definition: taskDefinition(TASK) }, 't'));
  const task = await until('it runs', async () => {
    const found = must(await world.bbs.task('job'));
    return found.state === 'Running' && found;
  });
  t.match(task.cellId, /^mesos-/);
  t.equal(task.rejectionCount, 0, 'waiting for offers has cost it nothing');
});

t.test('bridge - #19 #20: what its executor drops is auctioned again at once', async (t) => {
  let dropped = 0;
  const world = await startMesosSystem(t, {
    onLaunch(rep, { info }) {
      if (dropped > 0) return true;
      dropped += 1;
      rep.tell(info.taskId.value, 'TASK_DROPPED', { message: 'not now' });
      return false;
    },
  });
  await world.startAuctioneer();
  await world.startBridge();
  must(await world.bbs.desireLrp(desiredLrp(LRP), 't'));
  await until('it runs', async () => (await running(world)).length === 1);
  t.equal(dropped, 1);
});

t.test(
  'bridge - #18: an executor that dies takes its work with it: instances run again, tasks have failed',
  async (t) => {
    const world = await startMesosSystem(t);
    await world.startAuctioneer();
    await world.startBridge();
    must(await world.bbs.desireLrp(desiredLrp({ ...LRP, instances: 2 }), 't'));
    must(await world.bbs.desireTask({ taskGuid: 'job', domain: 'd', definition: taskDefinition(TASK) }, 't'));
    await until('all run', async () => {
      const task = must(await world.bbs.task('job'));
      return (await running(world)).length === 2 && task.state === 'Running';
    });
    const before = (await running(world)).map(({ instanceGuid }) => instanceGuid);
    world.reps()[0]?.exit(9);
    await until('others run', async () => {
      const rows = await running(world);
      return rows.length === 2 && rows.every(({ instanceGuid }) => !before.includes(instanceGuid));
    });
    const task = must(await world.bbs.task('job'));
    t.match(task, { state: 'Completed', failed: true, failureReason: /EXECUTOR_TERMINATED/ });
  },
);

t.test(
  'bridge - #15 #16 #43 #45: a stand-by takes over, keeps all that runs, and goes on with it',
  async (t) => {
    const world = await startMesosSystem(t);
    await world.startAuctioneer();
    const first = await world.startBridge();
    must(await world.bbs.desireLrp(desiredLrp({ ...LRP, instances: 2 }), 't'));
    await until('both run', async () => (await running(world)).length === 2);
    const before = (await running(world)).map(({ instanceGuid }) => instanceGuid).sort();
    const { frameworkId } = await world.offers();
    await world.startBridge();
    await first.stop();
    await until('the other has subscribed', async () => {
      const offers = await world.offers();
      return offers.trouble === '' && offers.tasks === 2;
    });
    t.equal((await world.offers()).frameworkId, frameworkId, 'the same framework');
    must(await world.bbs.updateDesiredLrp('app', { instances: 3 }, 't'));
    await until('a third runs', async () => (await running(world)).length === 3);
    const guids = (await running(world)).map(({ instanceGuid }) => instanceGuid);
    t.same(guids.filter((guid) => before.includes(guid)).sort(), before, 'the others run on');
    t.equal(world.reps().filter(({ alive }) => alive).length, 1, 'in the executor that was there');
    t.same(
      world.reps().flatMap(({ killed }) => killed),
      [],
    );
  },
);

t.test('bridge - #14: a new master is found again, and nothing that runs is touched', async (t) => {
  const world = await startMesosSystem(t);
  await world.startAuctioneer();
  await world.startBridge();
  must(await world.bbs.desireLrp(desiredLrp({ ...LRP, instances: 2 }), 't'));
  await until('both run', async () => (await running(world)).length === 2);
  const before = (await running(world)).map(({ instanceGuid }) => instanceGuid).sort();
  world.master.lead();
  must(await world.bbs.updateDesiredLrp('app', { instances: 3 }, 't'));
  await until('a third runs', async () => (await running(world)).length === 3);
  const guids = (await running(world)).map(({ instanceGuid }) => instanceGuid);
  t.same(guids.filter((guid) => before.includes(guid)).sort(), before);
});

t.test(
  'bridge - a removed framework is replaced by a new one, loudly, and its work runs again',
  async (t) => {
    const world = await startMesosSystem(t);
    await world.startAuctioneer();
    await world.startBridge();
    must(await world.bbs.desireLrp(desiredLrp({ ...LRP, instances: 2 }), 't'));
    await until('both run', async () => (await running(world)).length === 2);
    const { frameworkId } = await world.offers();
    const before = (await running(world)).map(({ instanceGuid }) => instanceGuid);
    await world.tearDown(frameworkId);
    await until('others run', async () => {
      const rows = await running(world);
      return rows.length === 2 && rows.every(({ instanceGuid }) => !before.includes(instanceGuid));
    });
    t.not((await world.offers()).frameworkId, frameworkId);
    t.equal(world.logger.named('mesos-bridge.framework-removed')[0]?.fields.code, 'MESOS_FRAMEWORK_REMOVED');
  },
);
