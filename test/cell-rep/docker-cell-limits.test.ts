/** A cell on a real Docker engine: what an LRP asks for besides memory, from its desired state to its processes. */
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { assembleCellRep } from '../../cell-rep/assemble.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { createDockerRuntime } from '../../cell-rep/runtimes/docker/runtime.js';
import { IMAGE_NODE, withDockerEngine } from '../support/docker-engine.js';
import type { DockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { createFakeBbs } from '../support/fake-bbs.js';
import type { FakeBbs } from '../support/fake-bbs.js';
import { desiredLrp, lrpWork, runAction, workFor } from '../support/lrps.js';
import { NO_UPLOADS } from '../support/no-uploads.js';

interface Ground {
  engine: DockerEngine;
  bbs: FakeBbs;
  stateDir: string;
  volumes: string;
}

const startCell = async ({ engine, bbs, stateDir, volumes }: Ground) => {
  const clock = createSystemClock();
  const [bus, logger] = [createMemoryBus({ clock }), createCaptureLogger()];
  const parsed = cellRepConfig.parse(
    {
      cell_id: 'cell-1',
      runtime: 'docker',
      data_dir: stateDir,
      docker: { cpu_cores: '0', sysctls: ['net.core.somaxconn'], stacks: { cflinuxfs4: engine.image } },
      volume_drivers: { local: { root: volumes } },
    },
    'test',
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const config = parsed.value;
  const runtime = createDockerRuntime({
    ...config.runtime.docker,
    cellId: 'cell-1',
    prefix: 'outcry-limits',
    clock,
    logger,
    engine: { socketPath: engine.socketPath },
    ports: { first: 33_500, last: 33_999 },
  });
  const rep = assembleCellRep({
    ...{ config, clock, random: createSystemRandom(), logger, bus: bus.client(), bbs, runtime },
    downloader: { fetch: async () => ({ ok: false as const, reason: 'none' }) },
    uploader: NO_UPLOADS,
  });
  const group = createGroup(rep.members, logger);
  await group.start();
  await eventually(() => rep.cell.state().placeable);
  const perform = (processGuid: string, cpuMilli: number) =>
    rep.cell.perform(
      workFor(rep.cell.state().incarnation, {
        lrps: [lrpWork({ processGuid, cpuMilli, placementId: `${processGuid}.${cpuMilli}` })],
      }),
      clock.monotonic(),
    ).outcomes;
  return { ...rep, group, runtime, logger, perform };
};

/** Says what it found, and goes on. */
const TELLS = `
  const read = (file) => require('fs').readFileSync(file, 'utf8');
  const found = {
    cores: /Cpus_allowed_list:\\s+(\\S+)/.exec(read('/proc/self/status'))[1],
    somaxconn: read('/proc/sys/net/core/somaxconn').trim(),
    address: process.env.CF_INSTANCE_INTERNAL_IP,
  };
  const socket = require('net').connect({ host: process.argv[1], port: Number(process.argv[2]) });
  const tell = (egress) => {
    require('fs').writeFileSync('/var/data/found', JSON.stringify({ ...found, egress }));
    setInterval(() => undefined, 1000);
  };
  socket.on('connect', () => tell('reached')).on('error', (error) => tell(error.code));
`;

const suite = (engine: DockerEngine): void => {
  t.test(
    'docker cell - an LRP has what it asked for, and a restarted rep knows what is given away',
    async (t) => {
      const dir = await mkdtemp(join(tmpdir(), 'outcry-limits-'));
      t.teardown(() => rm(dir, { recursive: true }));
      const ground = {
        engine,
        bbs: createFakeBbs(),
        stateDir: join(dir, 'state'),
        volumes: join(dir, 'volumes'),
      };
      const volume = join(ground.volumes, 'shared');
      await mkdir(volume, { recursive: true });
      await chmod(volume, 0o777);
      const server = createServer((socket) => socket.end());
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
      t.teardown(() => server.close());
      const { IPAM } = await engine.client.getNetwork('bridge').inspect();
      const subnets = IPAM?.Config as { Gateway: string }[] | undefined;
      const gateway = subnets?.[0]?.Gateway ?? '';
      const args = ['-e', TELLS, gateway, String((server.address() as AddressInfo).port)];
      ground.bbs.desired.set(
        'app',
        desiredLrp({
          action: runAction({ path: IMAGE_NODE, args }),
          ports: [],
          cpuMilli: 600,
          network: { properties: { 'sysctl.net.core.somaxconn': '99' } },
          volumeMounts: [
            {
              driver: 'local',
              containerDir: '/var/data',
              mode: 'rw',
              shared: { volumeId: 'shared', mountConfig: '' },
            },
          ],
          egressRules: [
            { protocol: 'udp', destinations: ['0.0.0.0/0'], ports: [53], log: false, annotations: [] },
          ],
        }),
      );

      const cell = await startCell(ground);
      t.same(cell.cell.state().volumeDrivers, ['local']);
      t.match(cell.perform('app', 600), [{ status: 'accepted' }]);
      await eventually(() => ground.bbs.starts.length === 1, { what: 'running', timeoutMs: 20_000 });
      const found = await eventually(
        async () =>
          JSON.parse(await readFile(join(volume, 'found'), 'utf8').catch(() => 'null')) as object | null,
        { timeoutMs: 20_000, what: 'what it found' },
      );
      t.same(found, {
        cores: '0',
        somaxconn: '99',
        address: ground.bbs.starts[0]?.netInfo.instanceAddress,
        egress: 'ECONNREFUSED',
      });
      t.match(cell.logger.named('rep.started'), [
        { fields: { 'egress-rules': 'enforced', 'disk-limit': /polled/ } },
      ]);
      t.match(cell.perform('app', 401), [{ status: 'refused', reason: 'insufficient resources: cpu' }]);
      await cell.group.stop();

      const next = await startCell(ground);
      t.teardown(() => next.group.stop());
      t.match(next.perform('app', 402), [{ status: 'refused', reason: 'insufficient resources: cpu' }]);
      t.equal(next.cell.state().cpuMilliAvailable, 400);
      const [container] = next.cell.containers();
      const { guid } = container?.identity ?? { guid: '' };
      t.equal(
        (await next.runtime.adopt()).find((one) => one.guid === guid)?.info().processes[0]?.running,
        true,
      );
      await container?.stop('requested');
      await eventually(() => next.cell.state().cpuMilliAvailable === 1000, {
        timeoutMs: 20_000,
        what: 'room',
      });
      t.same(await engine.client.listContainers({ all: true }), []);
    },
  );
};

await withDockerEngine(t, suite);
