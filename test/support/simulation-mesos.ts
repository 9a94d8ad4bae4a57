import { ok } from '../../common/model/result.js';
import { createGroup } from '../../common/runtime/group.js';
import { assembleMesosBridge } from '../../mesos-bridge/assemble.js';
import type { MesosBridge } from '../../mesos-bridge/assemble.js';
import type { EnrolmentService, Enrolling } from '../../mesos-bridge/bridge/enrolment.js';
import { loadEnrolmentSecret } from '../../mesos-bridge/bridge/enrolment-secret.js';
import { mesosBridgeConfig } from '../../mesos-bridge/config.js';
import type { MesosBridgeConfig } from '../../mesos-bridge/config.js';
import type { EnrolmentRequest } from '../../mesos-bridge/core/enrolment.js';
import { createEnrolmentTokens, enrolmentToken } from '../../mesos-bridge/handlers/enrolment-tokens.js';
import type { EnrolmentTokens, TokenVerdict } from '../../mesos-bridge/handlers/enrolment-tokens.js';
import { listOfMasters } from '../../mesos-bridge/protocol/leader/masters.js';
import { createSchedulerClient } from '../../mesos-bridge/protocol/scheduler/client.js';
import { createAgent } from '../../mesos-bridge/simulator/agent/agent.js';
import type { SimulatedAgent } from '../../mesos-bridge/simulator/agent/agent.js';
import { attributesOf, resourcesOf } from '../../mesos-bridge/simulator/agent-specs.js';
import type { AgentSpec } from '../../mesos-bridge/simulator/agent-specs.js';
import { createFaults } from '../../mesos-bridge/simulator/faults.js';
import type { Faults } from '../../mesos-bridge/simulator/faults.js';
import type { MasterDoor } from '../../mesos-bridge/simulator/link.js';
import { connectAgent } from '../../mesos-bridge/simulator/master/agent-door.js';
import { createMaster, createRegistry, endMaster } from '../../mesos-bridge/simulator/master/master.js';
import type { Master } from '../../mesos-bridge/simulator/master/state.js';
import { must } from './bbs.js';
import { createAgentDoor } from './simulation-agent-door.js';
import type { AgentDoor } from './simulation-agent-door.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import type { ExecutorBox } from './simulation-executor.js';
import { createExecutorBox } from './simulation-executor.js';
import { createLife, createMortalBus } from './simulation-mortal.js';
import type { Life } from './simulation-mortal.js';
import { createSchedulerDoor } from './simulation-scheduler.js';
import type { Simulation } from './simulation.js';

export interface MesosMachine {
  readonly agent: SimulatedAgent;
  readonly spec: AgentSpec;
  /** every executor that was ever started there */
  readonly boxes: ExecutorBox[];
  /** for good */
  lost: boolean;
}

/** A bridge: active or standing by. */
export interface SimulatedBridge {
  readonly name: string;
  readonly connection: MemoryBus;
  readonly life: Life;
  health: MesosBridge['health'];
  kill(): void;
  pause(): void;
  resume(): void;
}

/** A simulated Mesos and bridges, in the time and on the bus of a simulation. */
export interface SimulationMesos {
  readonly faults: Faults;
  readonly machines: MesosMachine[];
  readonly bridges: Map<string, SimulatedBridge>;
  master(): Master | undefined;
  /** none leads, until `lead` */
  loseMaster(): void;
  lead(): void;
  addMachine(): MesosMachine;
  addBridge(): Promise<SimulatedBridge>;
  /** connections of frameworks break */
  cutStreams(): void;
  boxes(): ExecutorBox[];
  close(): void;
}

const MASTER = { hostname: '127.0.0.1', ip: '127.0.0.1', port: 5050 };
const SPEC = { cpus: 8, mem: 6_144, disk: 20_000 } as const;
const FLAGS = { agentPingTimeoutMs: 5_000, maxAgentPingTimeouts: 3, agentReregisterTimeoutMs: 45_000 };

const bridgeConfig = (): MesosBridgeConfig =>
  must(
    mesosBridgeConfig.parse(
      {
        masters: '127.0.0.1:5050',
        framework: { principal: 'outcry' },
        executor: { command: './run', idle: '20s' },
        enrolment: {
          url: 'http://127.0.0.1:1',
          listen: { host: '127.0.0.1', port: 0 },
          nats: '/unused',
          bbs: { socket: '/unused' },
        },
        cells: { rootfs: ['preloaded:cflinuxfs4'] },
        offers: { hold: '5s', refuse: '30s' },
      },
      'simulation',
    ),
  );

const createMasters = (simulation: Simulation) => {
  const { clock, random } = simulation;
  const faults = createFaults();
  const registry = createRegistry();
  let m: Master | undefined;
  const door: MasterDoor = {
    connect: (agent) => (m === undefined ? undefined : connectAgent(m, agent, faults)),
  };
  const schedulers = createSchedulerDoor({ clock, random, faults, master: () => m });
  return {
    faults,
    door,
    schedulers,
    master: () => m,
    loseMaster(): void {
      if (m !== undefined) endMaster(m);
      m = undefined;
      schedulers.cut();
    },
    lead(): void {
      if (m !== undefined) return;
      m = createMaster({ clock, random, registry, address: MASTER, flags: FLAGS });
    },
  };
};

type Masters = ReturnType<typeof createMasters>;

const createBridges = (simulation: Simulation, { schedulers }: Masters) => {
  const { clock, random, faults } = simulation;
  const { logger, connect, wired } = simulation.parts;
  const bridges = new Map<string, SimulatedBridge>();
  const listening = new Map<Life, EnrolmentTokens>();
  const config = bridgeConfig();
  let made = 0;

  const enrolmentOf = (life: Life, store: ReturnType<typeof wired>): EnrolmentService => ({
    members: [],
    async open(bridge: () => Enrolling | undefined, signal) {
      const { name } = config.framework;
      const secret = await loadEnrolmentSecret({ store, random, name, clock: life.clock, signal });
      if (secret === undefined) return undefined;
      const expects: Enrolling['expects'] = (executorId, agentId) =>
        bridge()?.expects(executorId, agentId) ?? false;
      const tokens = createEnrolmentTokens({ secret, expects });
      listening.set(life, tokens);
      signal.addEventListener('abort', () => listening.get(life) === tokens && listening.delete(life));
      return { url: config.enrolment.url, ca: undefined, tokenOf: (id) => enrolmentToken(secret, id) };
    },
  });

  return {
    bridges,
    enrol(request: EnrolmentRequest): TokenVerdict | undefined {
      for (const [life, tokens] of listening) if (life.alive()) return tokens.judge(request);
      return undefined;
    },
    async addBridge(): Promise<SimulatedBridge> {
      made += 1;
      const name = `bridge-${made}`;
      const life = createLife(clock);
      const connection = connect();
      const bbs = wired(life);
      const ground = { clock: life.clock, random, logger: logger.session(name) };
      const { members, health } = assembleMesosBridge({
        ...ground,
        config,
        bus: createMortalBus(connection, { life, random, faults: faults.bus }),
        bbs,
        openClient: (given) =>
          createSchedulerClient({
            ...given,
            ...ground,
            masters: listOfMasters(['127.0.0.1:5050']),
            encoding: 'protobuf',
            openSession: (options) => schedulers.open(options, life),
          }),
        enrolment: enrolmentOf(life, bbs),
      });
      const kill = (): void => {
        bridges.delete(name);
        listening.delete(life);
        life.kill();
        schedulers.hangUp(life);
        connection.disconnect();
        void connection.close();
      };
      const { pause, resume } = life;
      const bridge = { name, connection, life, health, kill, pause, resume };
      bridges.set(name, bridge);
      await createGroup(members, logger).start();
      return bridge;
    },
  };
};

export const createSimulationMesos = (simulation: Simulation): SimulationMesos => {
  const { clock, random } = simulation;
  const { logger } = simulation.parts;
  const masters = createMasters(simulation);
  const bridges = createBridges(simulation, masters);
  const machines: MesosMachine[] = [];
  masters.lead();

  return {
    faults: masters.faults,
    machines,
    bridges: bridges.bridges,
    addBridge: bridges.addBridge,
    master: masters.master,
    loseMaster: masters.loseMaster,
    lead: masters.lead,
    cutStreams: () => masters.schedulers.cut(),
    boxes: () => machines.flatMap(({ boxes }) => boxes),
    addMachine() {
      const number = machines.length + 1;
      const spec: AgentSpec = {
        ...SPEC,
        hostname: `agent-${number}`,
        ports: { begin: 31_000, end: 31_999 },
        attributes: { zone: `z${(number % 3) + 1}` },
      };
      const boxes: ExecutorBox[] = [];
      const port = 5050 + number;
      let door: AgentDoor | undefined;
      const agent = createAgent(
        {
          hostname: spec.hostname,
          ip: '127.0.0.1',
          port,
          resources: resourcesOf(spec),
          attributes: attributesOf(spec),
          masters: [masters.door],
          launcher: {
            async launch(request) {
              if (door === undefined) throw new Error('no door');
              const box = createExecutorBox({ simulation, request, door, enrol: bridges.enrol });
              boxes.push(box);
              simulation.parts.worlds.set(box.cellId, box.world);
              return ok(box.running);
            },
          },
          builtIn: () => ({ launch: () => Promise.reject(new Error('nothing is built in')) }),
          clock,
          random,
          logger,
          workDir: '/work',
          times: { pingTimeout: 20_000, shutdownGrace: 30_000 },
        },
        (opened) => (door = createAgentDoor(opened, { clock, random, port })),
      );
      const machine = { agent, spec, boxes, lost: false };
      machines.push(machine);
      agent.start();
      return machine;
    },
    close() {
      for (const bridge of [...bridges.bridges.values()]) bridge.kill();
      for (const { agent } of machines) agent.lose();
      masters.loseMaster();
    },
  };
};
