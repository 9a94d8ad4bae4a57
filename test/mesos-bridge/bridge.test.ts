import t from 'tap';
import { desiredLrp, must } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import type { MesosWorld } from '../support/mesos-world.js';
import { startMesosWorld } from '../support/mesos-world.js';

const LRP = { rootfs: 'preloaded:cflinuxfs4', memoryMb: 128, diskMb: 64 };

const running = async ({ bbs }: MesosWorld, processGuid = 'app') =>
  must(await bbs.actualLrps({ processGuid })).filter(({ state }) => state === 'RUNNING');

const until = <T>(what: string, check: () => T | Promise<T>) =>
  eventually(check, { timeoutMs: 20_000, what });

t.test(
  'bridge - with no cell at all: work waits for offers, an executor comes to be, and it runs',
  async (t) => {
    const world = await startMesosWorld(t);
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
