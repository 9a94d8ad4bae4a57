/** What breaks on Mesos, and what users then see. Numbers: defects of an earlier framework (defects.md). */
import t from 'tap';
import { desiredLrp, must, taskDefinition } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import type { MesosSystem } from '../support/mesos-system.js';
import { startMesosSystem } from '../support/mesos-system.js';

const LRP = { rootfs: 'preloaded:cflinuxfs4', memoryMb: 128, diskMb: 64 };

const running = async ({ bbs }: MesosSystem) =>
  must(await bbs.actualLrps({})).filter(({ state }) => state === 'RUNNING');

const until = <T>(what: string, check: () => T | Promise<T>) =>
  eventually(check, { timeoutMs: 20_000, what });

t.test('faults - #17: offers that are rescinded while work is on its way are not used', async (t) => {
  const system = await startMesosSystem(t, { agents: 2, flags: { offerTimeoutMs: 300 } });
  await system.startAuctioneer();
  await system.startBridge();
  // too large for any agent: offers are held for it, and taken back, again and again
  must(await system.bbs.desireLrp(desiredLrp({ ...LRP, processGuid: 'huge', memoryMb: 100_000 }), 't'));
  await until('offers were taken back', async () => (await system.offers()).rescinded > 3);
  must(await system.bbs.desireLrp(desiredLrp({ ...LRP, instances: 4 }), 't'));
  await until('the others run all the same', async () => (await running(system)).length === 4);
});

t.test(
  'faults - #25: what fits nowhere waits, with the reason, and is refused at its deadline',
  async (t) => {
    const system = await startMesosSystem(t, { bridge: { demand_timeout: '1s', hunger_after: '500ms' } });
    await system.startAuctioneer();
    await system.startBridge();
    must(await system.bbs.desireLrp(desiredLrp({ ...LRP, memoryMb: 100_000 }), 't'));
    const placementError = async () => must(await system.bbs.actualLrps({}))[0]?.placementError ?? '';
    await until('it is told to wait', async () =>
      (await placementError()).endsWith('waits for Mesos offers'),
    );
    await until('it has failed', async () =>
      (await placementError()).endsWith('no usable Mesos offer in 1 s'),
    );
    const told = await until('hunger says why', async () => {
      const { hunger } = await system.offers();
      return hunger !== '' && hunger;
    });
    t.match(told, /100000 MB of memory/);
    t.match(told, /memory/);
    t.equal(system.logger.named('mesos-bridge.hunger')[0]?.fields.code, 'MESOS_HUNGER');
  },
);

t.test(
  'faults - an agent out of sight comes back: nothing runs twice, and nothing was touched',
  async (t) => {
    const system = await startMesosSystem(t, {
      agents: 1,
      agentPingTimeoutMs: 300,
      flags: { agentPingTimeoutMs: 50, maxAgentPingTimeouts: 2 },
    });
    await system.startAuctioneer();
    await system.startBridge();
    must(await system.bbs.desireLrp(desiredLrp({ ...LRP, instances: 2 }), 't'));
    await until('both run', async () => (await running(system)).length === 2);
    const before = (await running(system)).map(({ instanceGuid }) => instanceGuid).sort();
    const id = system.agents[0]?.agent.id() ?? '';
    system.master.faults.partitioned.add(id);
    await until('it is out of sight', () => system.logger.named('mesos-bridge.agent-failed').length > 0);
    system.master.faults.partitioned.delete(id);
    await until('it is back', async () => (await system.offers()).executors === 1);
    t.same((await running(system)).map(({ instanceGuid }) => instanceGuid).sort(), before);
    t.same(
      system.reps().flatMap(({ killed }) => killed),
      [],
    );
  },
);

t.test('faults - #37: the same work asked for twice is launched once', async (t) => {
  const system = await startMesosSystem(t);
  await system.startAuctioneer();
  await system.startBridge();
  must(await system.bbs.desireLrp(desiredLrp({ ...LRP, instances: 5 }), 't'));
  for (let again = 0; again < 20; again += 1) system.bus.publish('auction.capacity', new Uint8Array());
  await until('five run', async () => (await running(system)).length === 5);
  const launched = system
    .reps()
    .flatMap(({ tasks }) => [...tasks.values()].map(({ work }) => work.lrps[0]?.index));
  t.same(launched.sort(), [0, 1, 2, 3, 4]);
});

t.test('faults - masters that answer with errors are tried again, and work waits meanwhile', async (t) => {
  const system = await startMesosSystem(t);
  system.master.faults.refuseSubscribe.times = 3;
  await system.startAuctioneer();
  await system.startBridge();
  must(await system.bbs.desireLrp(desiredLrp(LRP), 't'));
  await until('it runs', async () => (await running(system)).length === 1);
});

t.test('faults - a master that is killed and comes back is found again', async (t) => {
  const system = await startMesosSystem(t);
  await system.startAuctioneer();
  const bridge = await system.startBridge();
  must(await system.bbs.desireLrp(desiredLrp(LRP), 't'));
  await until('it runs', async () => (await running(system)).length === 1);
  await system.master.kill();
  await until('the bridge says so', () => !bridge.health().healthy);
  must(await system.bbs.updateDesiredLrp('app', { instances: 2 }, 't'));
  await system.master.restart();
  await until('the second runs', async () => (await running(system)).length === 2);
  t.ok(bridge.health().healthy);
});

t.test('faults - statuses that come twice, late and out of order add up', async (t) => {
  const system = await startMesosSystem(t, { agents: 2 });
  let count = 0;
  system.master.faults.toScheduler = (_, event) => {
    count += 1;
    if (event.type !== 'UPDATE') return 'deliver';
    return count % 3 === 0 ? 'double' : count % 3 === 1 ? { delayMs: 200 } : 'deliver';
  };
  await system.startAuctioneer();
  await system.startBridge();
  must(await system.bbs.desireLrp(desiredLrp({ ...LRP, instances: 10 }), 't'));
  must(
    await system.bbs.desireTask(
      {
        taskGuid: 'job',
        domain: 'd',
        definition: taskDefinition({ rootfs: LRP.rootfs, memoryMb: 64, diskMb: 64 }),
      },
      't',
    ),
  );
  await until('all run', async () => (await running(system)).length === 10);
  await until('the task, too', async () => must(await system.bbs.task('job')).state === 'Running');
  const launches = system.reps().flatMap(({ tasks }) => [...tasks.keys()]);
  t.equal(launches.length, 11, 'each once');
});

t.test(
  'faults - #10: an executor that was idle when its bridge died is found and released by the next',
  async (t) => {
    const system = await startMesosSystem(t);
    await system.startAuctioneer();
    const first = await system.startBridge({ executor: { command: './run', idle: '1h' } });
    must(await system.bbs.desireLrp(desiredLrp(LRP), 't'));
    await until('it runs', async () => (await running(system)).length === 1);
    must(await system.bbs.removeDesiredLrp('app', 't'));
    for (const row of must(await system.bbs.actualLrps({}))) await system.endAsStopped(row.instanceGuid);
    await until('nothing runs', async () => (await system.offers()).tasks === 0);
    await first.stop();
    t.ok(system.reps()[0]?.alive);
    await system.startBridge();
    await until('it is released', () => system.reps()[0]?.alive === false);
  },
);
