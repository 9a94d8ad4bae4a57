import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { createChanceFates } from '../../mesos-bridge/simulator/chance-fates.js';
import { removeFramework } from '../../mesos-bridge/simulator/master/frameworks.js';
import { rescind } from '../../mesos-bridge/simulator/master/offers.js';
import type { Agenda } from './simulation-chaos.js';
import type { ExecutorBox } from './simulation-executor.js';
import type { MesosMachine, SimulationMesos } from './simulation-mesos.js';
import type { Simulation } from './simulation.js';

export const MESOS_FAULTS = [
  'master-failover',
  'cut-streams',
  'lose-agent',
  'leave-agent',
  'cut-off-agent',
  'restart-agent',
  'kill-executor',
  'kill-worker',
  'kill-bridge',
  'pause-bridge',
  'rescind-offers',
  'status-weather',
  'lost-launches',
  'lost-kills',
  'cut-bus',
  'cut-one',
  'remove-framework',
  'kill-bbs',
  'kill-auctioneer',
  'bus-weather',
  'wire-weather',
  'crash',
] as const;
export type MesosFault = (typeof MESOS_FAULTS)[number];

export interface MesosFaultsOptions {
  simulation: Simulation;
  mesos: SimulationMesos;
  agenda: Agenda;
  /** starts a BBS again */
  openBbs(): Promise<void>;
}

type Make = Record<MesosFault, () => void | Promise<void>>;

const createChances = ({ random, clock }: Simulation) => {
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random.fraction() * items.length)];
  return {
    between: (low: number, high: number): number => low + random.fraction() * (high - low),
    oneOf: <T>(items: readonly T[], use: (item: T) => void): void => {
      const item = pick(items);
      if (item !== undefined) use(item);
    },
    /** steps of a few ms until it is so, half of the time: what is under way breaks best */
    async inTheMiddle(isSo: () => boolean): Promise<void> {
      if (random.fraction() < 0.5) return;
      for (let step = 0; step < 400 && !isSo(); step += 1) await clock.advance(2);
    },
  };
};

type Chances = ReturnType<typeof createChances>;

const machineFaults = ({ simulation, mesos, agenda }: MesosFaultsOptions, { between, oneOf }: Chances) => {
  const standing = (): MesosMachine[] =>
    mesos.machines.filter(
      ({ lost, agent }) => !lost && agent.phase() !== 'down' && agent.phase() !== 'ended',
    );
  const boxes = (): ExecutorBox[] => mesos.boxes().filter((box) => box.exists());
  const replaceLater = (): void => agenda.later(between(1, 30), () => void mesos.addMachine());
  return {
    'lose-agent': () =>
      oneOf(standing(), (machine) => {
        machine.lost = true;
        machine.agent.lose();
        replaceLater();
      }),
    'leave-agent': () =>
      oneOf(standing(), (machine) => {
        machine.lost = true;
        machine.agent.leave();
        replaceLater();
      }),
    'cut-off-agent': () =>
      oneOf(standing(), ({ agent, boxes: own }) => {
        const id = agent.id() ?? '';
        mesos.faults.partitioned.add(id);
        const connections = own.map((box) => box.connection()).filter((one) => one !== undefined);
        const cutToo = simulation.random.fraction() < 0.5 ? connections : [];
        for (const connection of cutToo) connection.disconnect();
        agenda.later(between(3, 60), () => {
          mesos.faults.partitioned.delete(id);
          // what was sent meanwhile is lost: so the connection has broken
          mesos.master()?.agents.get(id)?.link?.close();
          for (const connection of cutToo) connection.reconnect();
        });
      }),
    'restart-agent': () =>
      oneOf(standing(), ({ agent }) => {
        agent.crash();
        agenda.later(between(0, simulation.random.fraction() < 0.7 ? 5 : 40), () => agent.restart());
      }),
    'kill-executor': () => oneOf(boxes(), (box) => box.running.signal('SIGKILL')),
    'kill-worker': () =>
      oneOf(
        boxes().filter((box) => box.rep() !== undefined),
        (box) => box.killWorker(),
      ),
    crash: () =>
      oneOf(
        boxes().flatMap((box) => box.contents().filter(({ running }) => running)),
        ({ container }) => container.processes.get('main')?.end({ code: 1 }),
      ),
  };
};

const messageFaults = ({ simulation, mesos, agenda }: MesosFaultsOptions, { between }: Chances) => {
  const { random, faults } = simulation;
  /** Because a connection breaks, which both ends hear of later: without that Mesos loses nothing between master and agent. */
  const lost = (kinds: readonly string[]) => (): void => {
    const missed = new Set<string>();
    mesos.faults.toAgent = (agentId, { kind }) => {
      if (!kinds.includes(kind) || random.fraction() < 0.5) return 'deliver';
      missed.add(agentId);
      return 'drop';
    };
    agenda.later(between(2, 20), () => {
      mesos.faults.toAgent = undefined;
      for (const agentId of missed) mesos.master()?.agents.get(agentId)?.link?.close();
    });
  };
  return {
    'status-weather'() {
      const fates = createChanceFates(random, {
        drop: 0.15,
        double: 0.15,
        behind: 0.15,
        delay: 0.25,
        longestDelayMs: between(10, 8_000),
      });
      Object.assign(mesos.faults, { fromAgent: fates, toAgent: fates });
      const calm = { fromAgent: undefined, toAgent: undefined };
      agenda.later(between(5, 30), () => void Object.assign(mesos.faults, calm));
    },
    'lost-launches': lost(['run-task']),
    'lost-kills': lost(['kill-task', 'shutdown-executor']),
    'bus-weather'() {
      const share = between(0, 0.2);
      const weather = { lose: 0.05, repeat: 0.1, late: 0.2, unanswered: share / 2, answeredLate: share };
      Object.assign(faults.bus, weather, { lateMs: between(10, 10_000) });
      const calm = { lose: 0, repeat: 0, late: 0, unanswered: 0, answeredLate: 0 };
      agenda.later(between(5, 30), () => void Object.assign(faults.bus, calm));
    },
    'wire-weather'() {
      const share = between(0, 0.1);
      Object.assign(faults.wire, { slowMs: 100, loseRequest: share, loseReply: share, late: share / 4 });
      const calm = { slowMs: 0, loseRequest: 0, loseReply: 0, late: 0 };
      agenda.later(between(5, 30), () => void Object.assign(faults.wire, calm));
    },
  };
};

const partyFaults = (options: MesosFaultsOptions, { between, oneOf, inTheMiddle }: Chances) => {
  const { simulation, mesos, agenda } = options;
  const { auctioneers, random } = simulation;
  const connections = (): MemoryBus[] =>
    [
      simulation.boardConnection(),
      ...mesos.boxes().map((box) => box.connection()),
      ...[...auctioneers.values()].map(({ connection }) => connection),
      ...[...mesos.bridges.values()].map(({ connection }) => connection),
    ].filter((one) => one !== undefined);
  const cut = (chosen: readonly MemoryBus[], seconds: number): void => {
    for (const connection of chosen) connection.disconnect();
    agenda.later(seconds, () => chosen.forEach((connection) => connection.reconnect()));
  };
  const launched = (): (() => boolean) => {
    const count = (): number => mesos.boxes().reduce((sum, { world }) => sum + world.containers.size, 0);
    const before = count();
    return () => count() !== before;
  };
  return {
    async 'kill-bridge'() {
      await inTheMiddle(launched());
      oneOf([...mesos.bridges.values()], (bridge) => {
        bridge.kill();
        agenda.later(between(0, 40), async () => void (await mesos.addBridge()));
      });
    },
    async 'pause-bridge'() {
      await inTheMiddle(launched());
      oneOf([...mesos.bridges.values()], (bridge) => {
        bridge.pause();
        // short of its lease, or past it, when another is active
        agenda.later(between(0.1, random.fraction() < 0.5 ? 10 : 40), bridge.resume);
      });
    },
    async 'kill-auctioneer'() {
      await inTheMiddle(launched());
      oneOf([...auctioneers.values()], (auctioneer) => {
        auctioneer.kill();
        agenda.later(between(0, 30), async () => void (await simulation.addAuctioneer()));
      });
    },
    'kill-bbs'() {
      if (simulation.board() === undefined) return;
      simulation.killBbs();
      agenda.later(between(0, 20), options.openBbs);
    },
    'cut-bus': () => cut(connections(), between(0.1, 40)),
    'cut-one': () => oneOf(connections(), (one) => cut([one], between(0.1, 40))),
  };
};

const masterFaults = ({ mesos, agenda }: MesosFaultsOptions, { between, inTheMiddle }: Chances) => ({
  async 'master-failover'() {
    await inTheMiddle(() =>
      [...(mesos.master()?.frameworks.values() ?? [])].some(({ tasks }) => tasks.size > 0),
    );
    if (mesos.master() === undefined) return;
    mesos.loseMaster();
    agenda.later(between(0, 15), mesos.lead);
  },
  'cut-streams': () => mesos.cutStreams(),
  'rescind-offers'() {
    const m = mesos.master();
    if (m) for (const offer of [...m.offers.values()]) rescind(m, offer);
  },
  // an agent that does not hear of it keeps what it has, as Mesos has it, if a new master does not know of it either
  'remove-framework'() {
    const m = mesos.master();
    const all = mesos.machines.every(({ agent, lost }) => lost || agent.phase() === 'registered');
    if (m === undefined || !all || mesos.faults.partitioned.size > 0) return;
    for (const framework of [...m.frameworks.values()]) removeFramework(m, framework);
  },
});

/** What breaks a Mesos, a bridge and what they stand on; what can be mended is, after a while. */
export const createMesosFaults = (options: MesosFaultsOptions): Make => {
  const chances = createChances(options.simulation);
  return {
    ...machineFaults(options, chances),
    ...messageFaults(options, chances),
    ...partyFaults(options, chances),
    ...masterFaults(options, chances),
  };
};
