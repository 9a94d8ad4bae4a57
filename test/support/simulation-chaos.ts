import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import type { SimulatedScript } from '../../cell-rep/runtimes/simulated/script.js';
import type { ContainerSpec, ProcessSpec } from '../../cell-rep/core/container-runtime.js';
import { fromTags } from '../../cell-rep/core/identity.js';
import type { CellSize } from './simulation-cell.js';
import { eventProblems } from './simulation-checks.js';
import type { People } from './simulation-people.js';
import type { Simulation } from './simulation.js';

export const FAULTS = [
  'crash',
  'lost-process',
  'kill-rep',
  'reboot-cell',
  'lose-cell',
  'restart-rep',
  'cut-one',
  'cut-all',
  'kill-bbs',
  'kill-auctioneer',
  'pause-auctioneer',
  'store',
  'bus-weather',
  'answer-weather',
  'lost-news',
  'wire-weather',
  'slow-runtimes',
  'clock-jump',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface ChaosOptions {
  simulation: Simulation;
  people: People;
  /** simulated seconds */
  seconds: number;
  faults: readonly Fault[];
  /** mean seconds between two faults */
  faultEvery: number;
  /** mean seconds between two things that people do */
  peopleEvery: number;
  size: CellSize;
  /** most seconds that a killed BBS is away */
  bbsAway: number;
}

export interface Chaos<Kind extends string = Fault> {
  /** how often each fault was made */
  counts: Map<Kind, number>;
}

export interface Storming<Kind extends string> {
  simulation: Simulation;
  people: People;
  /** simulated seconds */
  seconds: number;
  /** mean seconds between two faults */
  faultEvery: number;
  /** mean seconds between two things that people do */
  peopleEvery: number;
  /** one that is named twice comes twice as often */
  faults: readonly Kind[];
  make: Record<Kind, () => void | Promise<void>>;
  agenda: Agenda;
  /** what is looked after at every step */
  step(): void | Promise<void>;
}

/** Apps called crashing-… end by themselves; tasks too, the long ones late. */
export const chaosScript =
  (fraction: () => number, calm: () => boolean) =>
  (process: ProcessSpec, container: ContainerSpec): SimulatedScript => {
    const identity = fromTags(container.guid, container.tags);
    if (process.id.startsWith('monitor')) return { runMs: 5, exitCode: 0 };
    if (process.id === 'setup') return { runMs: 300 * fraction(), exitCode: 0 };
    if (process.id !== 'main' || identity === undefined) return {};
    if (identity.kind === 'task') {
      const longest = identity.guid.startsWith('long') ? 600_000 : 20_000;
      return { runMs: 50 + fraction() * longest, exitCode: fraction() < 0.2 ? 1 : 0 };
    }
    if (calm() || !identity.processGuid.startsWith('crashing')) return {};
    return { runMs: fraction() * 90_000, exitCode: 1 };
  };

interface Due {
  at: number;
  run(): void | Promise<void>;
}

/** What is to be mended, and when: done between two moves of the clock, since starting reads files. */
export const createAgenda = (simulation: Simulation) => {
  const { clock } = simulation;
  const due: Due[] = [];
  const take = (until: number): Due | undefined => {
    const at = due.findIndex((one) => one.at <= until);
    return at < 0 ? undefined : due.splice(at, 1)[0];
  };
  return {
    later(seconds: number, run: Due['run']): void {
      due.push({ at: clock.monotonic() + seconds * 1000, run });
    },
    /** `all`: what is due later as well */
    async run(all = false): Promise<void> {
      const until = all ? Infinity : clock.monotonic();
      for (let one = take(until); one; one = take(until)) {
        await one.run();
      }
    },
  };
};

export type Agenda = ReturnType<typeof createAgenda>;

const createFaults = (
  { simulation, people, size, bbsAway }: ChaosOptions,
  agenda: Agenda,
): Record<Fault, () => void | Promise<void>> => {
  const { random, cells, clock, auctioneers, faults, engine } = simulation;
  const between = (low: number, high: number): number => low + random.fraction() * (high - low);
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random.fraction() * items.length)];
  const living = () => [...cells.values()].filter((cell) => cell.rep() !== undefined);
  let added = cells.size;

  const processes = () =>
    living().flatMap((cell) =>
      cell.contents().flatMap(({ container, running }) => (running ? [container.processes.get('main')] : [])),
    );
  const connections = (): MemoryBus[] =>
    [
      simulation.boardConnection(),
      ...living().map((cell) => cell.connection()),
      ...[...auctioneers.values()].map(({ connection }) => connection),
    ].filter((one) => one !== undefined);
  const cut = (chosen: readonly MemoryBus[], seconds: number): void => {
    for (const connection of chosen) connection.disconnect();
    agenda.later(seconds, () => chosen.forEach((connection) => connection.reconnect()));
  };
  /** half of the time: until work is on its way to a cell, which is when most can go wrong */
  const halfwayThroughBatch = async (): Promise<void> => {
    if (random.fraction() < 0.5) return;
    const before = simulation.sent();
    for (let step = 0; step < 2_000 && simulation.sent() === before; step += 1) await clock.advance(1);
  };
  const oneOf = <T>(items: readonly T[], use: (item: T) => void): void => {
    const item = pick(items);
    if (item !== undefined) use(item);
  };

  return {
    crash: () => oneOf(processes(), (process) => process?.end({ code: 1 })),
    'lost-process': () => oneOf(processes(), (process) => process?.end({ code: 255, lost: true })),
    'kill-rep': () =>
      oneOf(living(), (cell) => {
        cell.kill();
        agenda.later(between(0, 60), () => simulation.revive(cell));
      }),
    'reboot-cell': () =>
      oneOf(living(), (cell) => {
        cell.powerOff();
        agenda.later(between(0, 60), () => simulation.revive(cell));
      }),
    'lose-cell': () =>
      oneOf(living(), (cell) => {
        cell.powerOff();
        cells.delete(cell.cellId);
        added += 1;
        const cellId = `cell-${added}`;
        agenda.later(
          between(1, 30),
          async () => void (await simulation.addCell(cellId, { ...size, zone: cell.zone })),
        );
      }),
    'restart-rep': () =>
      oneOf(living(), (cell) => {
        void cell.stop();
        agenda.later(between(1, 40), () => simulation.revive(cell));
      }),
    'cut-one': () => oneOf(connections(), (one) => cut([one], between(0.1, 60))),
    'cut-all': () => cut(connections(), between(0.1, 60)),
    async 'kill-bbs'() {
      if (simulation.board() === undefined) return;
      // half of the time in the middle of a commit
      const patience = random.fraction() < 0.5 ? 400 : 0;
      for (let step = 0; step < patience && simulation.store.writing === 0; step += 1) await clock.advance(5);
      simulation.killBbs();
      agenda.later(between(0, bbsAway), () => openBbs(simulation, people));
    },
    async 'kill-auctioneer'() {
      await halfwayThroughBatch();
      oneOf([...auctioneers.values()], (auctioneer) => {
        auctioneer.kill();
        agenda.later(between(0, 30), async () => void (await simulation.addAuctioneer()));
      });
    },
    async 'pause-auctioneer'() {
      await halfwayThroughBatch();
      oneOf([...auctioneers.values()], (auctioneer) => {
        auctioneer.pause();
        // short of its lease, or long past it, when another is active
        agenda.later(between(0.1, random.fraction() < 0.5 ? 10 : 60), auctioneer.resume);
      });
    },
    store() {
      const chance = random.fraction();
      if (chance < 0.4) return engine.faults.failCommits(1 + Math.floor(random.fraction() * 5));
      if (chance < 0.7) {
        engine.faults.unknownCommit(random.fraction() < 0.5);
        // and nobody can say what became of it: the BBS steps down
        if (chance < 0.5) engine.faults.failReads(5);
        return;
      }
      agenda.later(between(0.1, 15), engine.faults.hold());
    },
    'bus-weather'() {
      Object.assign(faults.bus, { lose: 0.05, repeat: 0.1, late: 0.2, lateMs: between(10, 15_000) });
      agenda.later(
        between(5, 40),
        () => Object.assign(faults.bus, { lose: 0, repeat: 0, late: 0 }) && undefined,
      );
    },
    'answer-weather'() {
      const share = between(0, 0.3);
      const some = { unanswered: share / 2, answeredTwice: share, answeredLate: share };
      Object.assign(faults.bus, { ...some, lateMs: between(10, 15_000) });
      const calm = { unanswered: 0, answeredTwice: 0, answeredLate: 0 };
      agenda.later(between(5, 40), () => Object.assign(faults.bus, calm) && undefined);
    },
    'lost-news'() {
      faults.bus.loseNews = between(0.1, 1);
      agenda.later(between(5, 60), () => void (faults.bus.loseNews = 0));
    },
    'wire-weather'() {
      const share = between(0, 0.1);
      Object.assign(faults.wire, { slowMs: 100, loseRequest: share, loseReply: share, late: share / 4 });
      const calm = { slowMs: 0, loseRequest: 0, loseReply: 0, late: 0 };
      agenda.later(between(5, 40), () => Object.assign(faults.wire, calm) && undefined);
    },
    // as when the machine's time is set
    'clock-jump': () => clock.jump(between(-60_000, 60_000)),
    'slow-runtimes'() {
      Object.assign(faults.runtime, { slowMs: between(10, 5_000), refuse: 0.1, fail: 0.05 });
      agenda.later(
        between(5, 40),
        () => Object.assign(faults.runtime, { slowMs: 0, refuse: 0, fail: 0 }) && undefined,
      );
    },
  };
};

/** Opens the store again: what was acknowledged is there at once. */
const openBbs = async (simulation: Simulation, people: People): Promise<void> => {
  await simulation.startBbs();
  simulation.wrongs.push(...people.lost().map((problem) => `after a restart ${problem}`));
};

/** A stand-by takes over from a BBS that had to step down. */
export const replaceLost = async ({
  simulation,
  people,
}: Pick<ChaosOptions, 'simulation' | 'people'>): Promise<void> => {
  const board = simulation.board();
  if (board === undefined || !board.lost()) return;
  simulation.killBbs();
  await openBbs(simulation, people);
};

/** Faults and people, by chance; what is to be mended is mended in time, and all of it in the end. */
export const storm = async <Kind extends string>(options: Storming<Kind>): Promise<Chaos<Kind>> => {
  const { simulation, people, seconds, faultEvery, peopleEvery, make, agenda } = options;
  const { clock, random } = simulation;
  const counts = new Map<Kind, number>();
  const until = clock.monotonic() + seconds * 1000;
  const soon = (mean: number): number => clock.monotonic() + mean * 2000 * random.fraction();
  let [nextFault, nextPeople] = [soon(faultEvery), soon(peopleEvery)];

  while (clock.monotonic() < until) {
    await clock.advance(100 + 400 * random.fraction());
    await agenda.run();
    await options.step();
    if (clock.monotonic() >= nextPeople) {
      people.act();
      nextPeople = soon(peopleEvery);
    }
    if (clock.monotonic() >= nextFault) {
      const fault = options.faults[Math.floor(random.fraction() * options.faults.length)] as Kind;
      counts.set(fault, (counts.get(fault) ?? 0) + 1);
      await make[fault]();
      nextFault = soon(faultEvery);
    }
  }
  await agenda.run(true);
  await options.step();
  return { counts };
};

/** Runs the system under faults, and mends everything in the end. */
export const runChaos = async (options: ChaosOptions): Promise<Chaos> => {
  const { simulation } = options;
  const agenda = createAgenda(simulation);
  return storm({
    ...options,
    agenda,
    make: createFaults(options, agenda),
    async step() {
      await replaceLost(options);
      simulation.wrongs.push(...eventProblems(simulation));
    },
  });
};
