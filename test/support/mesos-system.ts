/** A simulated Mesos over HTTP, a BBS, an auctioneer and a bridge: all of it real but the containers. */
import type { Test } from 'tap';
import { assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import { createCaptureLogger, silentLogger } from '../../common/adapters/capture-logger.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { assembleMesosBridge } from '../../mesos-bridge/assemble.js';
import { mesosBridgeConfig } from '../../mesos-bridge/config.js';
import { listOfMasters } from '../../mesos-bridge/protocol/leader/masters.js';
import { createSchedulerClient } from '../../mesos-bridge/protocol/scheduler/client.js';
import { createAgent } from '../../mesos-bridge/simulator/agent/agent.js';
import type { SimulatedAgent } from '../../mesos-bridge/simulator/agent/agent.js';
import type { ExecutorDoor } from '../../mesos-bridge/simulator/agent/executor-door.js';
import { createSimulatedMaster } from '../../mesos-bridge/simulator/simulated-master.js';
import type { MasterFlags } from '../../mesos-bridge/simulator/master/flags.js';
import type { MesosOffers } from '../../common/model/mesos-offers.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellIdOf } from '../../mesos-bridge/core/cell-id.js';
import { must } from './bbs.js';
import { startBbs } from './http-bbs.js';
import { createRepLauncher } from './mesos-rep.js';
import type { RepOptions } from './mesos-rep.js';

const clock = createSystemClock();

export interface WorldOptions {
  agents?: number;
  /** of each agent */
  cpus?: number;
  memory?: number;
  flags?: Partial<MasterFlags>;
  /** ms without a ping after which an agent looks for its master */
  agentPingTimeoutMs?: number;
  bridge?: Record<string, unknown>;
  auctioneer?: Record<string, unknown>;
  onLaunch?: RepOptions['onLaunch'];
}

const scalar = (name: string, value: number) => ({
  name,
  type: 'SCALAR' as const,
  scalar: { value },
  reservations: [],
});

const SECRETS = { principal: 'outcry', secret: 'sesame' };

export const startMesosSystem = async (t: Test, options: WorldOptions = {}) => {
  const random = createSystemRandom();
  const bbs = await startBbs(t, {
    auctioneer: false,
    config: { converge_repeat_interval: '1s', stale_unclaimed_duration: '2s', reauction_interval: '100ms' },
  });
  const master = await createSimulatedMaster({
    clock,
    random,
    credentials: [SECRETS],
    flags: { allocationIntervalMs: 50, ...options.flags },
  });
  const agents: { agent: SimulatedAgent; reps: ReturnType<typeof createRepLauncher>['reps'] }[] = [];
  const addAgent = (number: number): SimulatedAgent => {
    let door: ExecutorDoor | undefined;
    const { launcher, reps } = createRepLauncher(
      () => {
        if (door === undefined) throw new Error('no door');
        return door;
      },
      { bbs: bbs.client, ...(options.onLaunch && { onLaunch: options.onLaunch }) },
    );
    const agent = createAgent(
      {
        hostname: `agent-${number}`,
        ip: '127.0.0.1',
        port: 5051 + number,
        resources: [
          scalar('cpus', options.cpus ?? 4),
          scalar('mem', options.memory ?? 4096),
          scalar('disk', 16_384),
          {
            name: 'ports',
            type: 'RANGES',
            ranges: { range: [{ begin: 31_000n, end: 31_999n }] },
            reservations: [],
          },
        ],
        attributes: [],
        masters: [master.door],
        launcher,
        builtIn: () => launcher,
        clock,
        random,
        logger: silentLogger,
        workDir: '/work',
        times: { registrationBackoff: 10, pingTimeout: options.agentPingTimeoutMs ?? 75_000 },
      },
      (opened) => {
        door = opened;
        return { open: async () => 5051, crash: () => undefined, close: async () => undefined };
      },
    );
    agents.push({ agent, reps });
    agent.start();
    return agent;
  };
  for (let number = 0; number < (options.agents ?? 1); number += 1) addAgent(number);

  const logger = createCaptureLogger();
  const startAuctioneer = async () => {
    const settings = { backends: ['mesos'], ...options.auctioneer };
    const { members } = assembleAuctioneer({
      config: must(auctioneerConfig.parse(settings, 'test')),
      clock,
      random,
      logger,
      bus: bbs.bus.client(),
      bbs: bbs.client,
    });
    const group = createGroup(members, silentLogger);
    await group.start();
    t.teardown(() => group.stop());
  };

  const startBridge = async (more: Record<string, unknown> = {}) => {
    const config = must(
      mesosBridgeConfig.parse(
        {
          masters: master.address,
          framework: { principal: SECRETS.principal },
          executor: { command: './run', idle: '200ms' },
          enrolment: {
            url: 'http://127.0.0.1:1',
            listen: { host: '127.0.0.1', port: 0 },
            nats: '/unused',
            bbs: { socket: '/unused' },
          },
          cells: { rootfs: ['preloaded:cflinuxfs4'] },
          offers: { hold: '2s', refuse: '1s' },
          lease_ttl: '2s',
          ...options.bridge,
          ...more,
        },
        'test',
      ),
    );
    const bus = bbs.bus.client();
    const metrics = createPrometheusMetrics({ logger });
    const { members, health } = assembleMesosBridge({
      config,
      clock,
      random,
      logger,
      bus,
      bbs: bbs.client,
      metrics,
      openClient: (given) =>
        createSchedulerClient({
          ...given,
          masters: listOfMasters([master.address]),
          encoding: 'protobuf',
          credentials: SECRETS,
          clock,
          random,
          logger,
        }),
      enrolment: {
        members: [],
        open: async () => ({
          url: config.enrolment.url,
          ca: undefined,
          tokenOf: (id) => `token-of-${id}`,
        }),
      },
    });
    const group = createGroup(members, silentLogger);
    await group.start();
    t.teardown(() => group.stop());
    return { health, metrics, bus, stop: group.stop };
  };
  t.teardown(async () => {
    for (const { agent } of agents) await agent.stop();
    await master.kill();
  });
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(alive));

  const operate = async (call: object): Promise<void> => {
    const authorization = `Basic ${Buffer.from(`${SECRETS.principal}:${SECRETS.secret}`).toString('base64')}`;
    const answer = await fetch(`${master.url}/api/v1`, {
      method: 'POST',
      body: JSON.stringify(call),
      headers: { authorization, 'content-type': 'application/json' },
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  };

  return {
    bbs: bbs.client,
    bus: bbs.bus,
    master,
    agents,
    addAgent,
    logger,
    startAuctioneer,
    startBridge,
    reps: () => agents.flatMap(({ reps }) => reps),
    /** its rep has stopped the instance, as the BBS asked */
    async endAsStopped(instanceGuid: string): Promise<void> {
      for (const rep of agents.flatMap(({ reps }) => reps))
        for (const [taskId, task] of rep.tasks)
          if (taskId.startsWith(`lrp.${instanceGuid}.`)) {
            const [lrp] = task.work.lrps;
            if (lrp === undefined) continue;
            const { processGuid, index, domain } = lrp;
            const instanceKey = { instanceGuid, cellId: cellIdOf(rep.agentId) };
            await bbs.client.removeActualLrp({ key: { processGuid, index, domain }, instanceKey }, 't');
            rep.tell(taskId, 'TASK_KILLED');
          }
    },
    async offers(): Promise<MesosOffers> {
      const query = encode('MesosOffersQuery', { traceId: 't', limit: 50 });
      const reply = await bbs.bus.request('mesos.offers', query, { timeoutMs: 2_000 });
      if (!reply.ok) throw new Error(reply.error);
      return must(decode('MesosOffers', reply.payload));
    },
    /** takes the machine of that name out of service, as an operator does */
    maintain: (hostname: string, { inMs }: { inMs: number }): Promise<void> =>
      operate({
        type: 'UPDATE_MAINTENANCE_SCHEDULE',
        update_maintenance_schedule: {
          schedule: {
            windows: [
              {
                machine_ids: [{ hostname, ip: '127.0.0.1' }],
                unavailability: { start: { nanoseconds: (clock.now() + inMs) * 1e6 } },
              },
            ],
          },
        },
      }),
    /** as an operator does */
    tearDown: (frameworkId: string): Promise<void> =>
      operate({ type: 'TEARDOWN', teardown: { framework_id: { value: frameworkId } } }),
  };
};

export type MesosSystem = Awaited<ReturnType<typeof startMesosSystem>>;
