import { assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import type { Active } from '../../bbs/controllers/active.js';
import type { BbsClient } from '../../bbs/index.js';
import type { ContainerSpec, ProcessSpec } from '../../cell-rep/core/container-runtime.js';
import { fromTags } from '../../cell-rep/core/identity.js';
import type { SimulatedWorld } from '../../cell-rep/runtimes/simulated/runtime.js';
import type { SimulatedScript } from '../../cell-rep/runtimes/simulated/script.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import type { BbsEvent } from '../../common/model/events.js';
import type { LogFields, Logger } from '../../common/ports/logger.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Random } from '../../common/ports/random.js';
import { createGroup } from '../../common/runtime/group.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import type { MemoryEngine } from '../../common/store/memory-engine.js';
import { must } from './bbs.js';
import type { BoardLife, StoreState, WireFaults } from './simulation-board.js';
import { createWiredClient, noWireFaults, startBoard } from './simulation-board.js';
import type { CellSize, SimulatedCell } from './simulation-cell.js';
import { createSimulatedCell } from './simulation-cell.js';
import type { Fold } from './simulation-fold.js';
import { createPlacementWitness } from './simulation-placements.js';
import { createFold } from './simulation-fold.js';
import type { BusFaults, Life, RuntimeFaults } from './simulation-mortal.js';
import { IN_TROUBLE, createLife, createMortalBus, noBusFaults } from './simulation-mortal.js';

export interface Faults {
  bus: BusFaults;
  wire: WireFaults;
  runtime: RuntimeFaults;
}

export interface SimulationOptions {
  seed: number;
  /** what a process does; default: it runs until it is told to end */
  script?(process: ProcessSpec, container: ContainerSpec): SimulatedScript;
  bbs?: Record<string, unknown>;
  rep?: Record<string, unknown>;
  auctioneer?: Record<string, unknown>;
  /** most ms that a commit takes */
  commitMs?: number;
}

/** An auctioneer: active or standing by. */
export interface SimulatedAuctioneer {
  readonly name: string;
  readonly connection: MemoryBus;
  kill(): void;
  /** as by SIGSTOP and SIGCONT: what comes meanwhile comes then */
  pause(): void;
  resume(): void;
}

/** The true components over a bus in memory, in time that is moved by hand. The same seed gives the same run. */
export interface Simulation {
  readonly seed: number;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly faults: Faults;
  readonly engine: MemoryEngine;
  readonly store: StoreState;
  readonly cells: Map<string, SimulatedCell>;
  readonly auctioneers: Map<string, SimulatedAuctioneer>;
  readonly fold: Fold;
  /** every event that was told, of all lives of the BBS */
  readonly events: BbsEvent[];
  /** what must never happen, and did */
  readonly wrongs: string[];
  /** how often the main process of a container was started, by guid */
  readonly starts: Map<string, number>;
  /** a client as people use it, with no faults on its way */
  readonly client: BbsClient;
  /** messages with work that were sent to cells so far */
  sent(): number;
  board(): BoardLife | undefined;
  boardConnection(): MemoryBus | undefined;
  startBbs(): Promise<void>;
  killBbs(): void;
  addCell(cellId: string, size: CellSize): Promise<SimulatedCell>;
  addAuctioneer(): Promise<SimulatedAuctioneer>;
  /** lets time pass in small steps until `work` is done */
  drive<T>(work: Promise<T>): Promise<T>;
  /** starts the rep of a cell, unless the cell is lost for good */
  revive(cell: SimulatedCell): Promise<void>;
  /** seconds pass */
  run(seconds: number): Promise<void>;
  /** seconds pass until `problems` finds none; rejects with those found last */
  until(problems: () => string[] | Promise<string[]>, seconds: number): Promise<number>;
  log(): string;
  close(): void;
  /** for what else is to take part */
  readonly parts: SimulationParts;
}

export interface SimulationParts {
  logger: Logger;
  /** another connection to the bus */
  connect(): MemoryBus;
  /** the BBS, for one life */
  wired(life: Life): BbsClient;
  /** what a process does; counts what is started */
  script(process: ProcessSpec, container: ContainerSpec): SimulatedScript;
  /** of every cell, by its id: where its containers are */
  worlds: Map<string, SimulatedWorld>;
  wrong(what: string): void;
}

const KEPT_LINES = 4_000;
const MOST_WRONGS = 20;
/** Defects, whatever faults there are. */
const NEVER = [
  'life-failed',
  'effect-failed',
  'batch-failed',
  'listener-failed',
  'convergence.failed',
  'sync-failed',
  'bus-handler-failed',
  'presence.failed',
  'request-unreadable',
  'threw',
  'failed-to-adopt',
];

/** Keeps the last lines, and complains of those that tell of a defect. */
const createRing = (clock: FakeClock, complain: (problem: string) => void) => {
  const lines: string[] = [];
  const session = (prefix: string, bound: LogFields): Logger => {
    const at =
      (level: string) =>
      (event: string, fields?: LogFields): void => {
        const all = { ...bound, ...fields };
        const head = `${(clock.monotonic() / 1000).toFixed(3)} ${level} ${prefix}${event}`;
        const printed = Object.entries(all).map(
          ([key, value]) => `${key}=${value instanceof Error ? value.stack : JSON.stringify(value)}`,
        );
        const text = `${head} ${printed.join(' ')}`;
        lines.push(text);
        if (lines.length > KEPT_LINES * 2) lines.splice(0, KEPT_LINES);
        if (NEVER.some((part) => event.includes(part)) && !text.includes(IN_TROUBLE)) complain(text);
      };
    return {
      debug: () => undefined,
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      session: (name, fields) => session(`${prefix}${name}.`, { ...bound, ...fields }),
    };
  };
  return { logger: session('', {}), text: () => lines.slice(-KEPT_LINES).join('\n') };
};

/** What all parts of one simulation share. */
const createGround = (options: SimulationOptions) => {
  const clock = createFakeClock();
  const wrongs: string[] = [];
  const wrong = (what: string): void => {
    if (wrongs.length < MOST_WRONGS) wrongs.push(`${(clock.monotonic() / 1000).toFixed(3)} ${what}`);
  };
  const { logger, text } = createRing(clock, wrong);
  const faults: Faults = {
    bus: noBusFaults(),
    wire: noWireFaults(),
    runtime: { slowMs: 0, refuse: 0, fail: 0 },
  };
  const random = createSeededRandom(options.seed);
  return {
    options,
    clock,
    random,
    logger,
    faults,
    wrongs,
    wrong,
    log: text,
    bus: createMemoryBus({ clock, logger }),
  };
};

type Ground = ReturnType<typeof createGround>;

/** Counts what is started, and follows what is told. */
const createWitness = ({ options, wrong }: Ground, worlds: Map<string, SimulatedWorld>) => {
  const starts = new Map<string, number>();
  const events: BbsEvent[] = [];
  const fold = createFold(wrong);
  const placements = createPlacementWitness(wrong);

  const onCrash = (event: BbsEvent): void => {
    if (event.kind !== 'actual_lrp_crashed') return;
    const main = worlds.get(event.cellId)?.containers.get(event.instanceGuid)?.processes.get('main');
    if (main?.info().running === true) wrong(`${event.instanceGuid} was told to have crashed, and runs`);
  };

  return {
    starts,
    events,
    fold,
    script(process: ProcessSpec, container: ContainerSpec): SimulatedScript {
      if (process.id === 'main') {
        const count = (starts.get(container.guid) ?? 0) + 1;
        starts.set(container.guid, count);
        const identity = fromTags(container.guid, container.tags);
        if (count > 1) wrong(`${identity?.kind ?? 'unknown'} ${container.guid} was started ${count} times`);
        if (identity !== undefined) placements.started(identity);
      }
      return options.script?.(process, container) ?? {};
    },
    /** a board has opened: its state, and from now on its events */
    follow({ hub, store }: Active): void {
      fold.reset(store.committed);
      placements.reset(store.committed);
      hub.subscribe('outcry', (told) => {
        for (const { event } of told) {
          events.push(event);
          placements.tell(event);
          fold.tell(event);
          onCrash(event);
        }
      });
    },
  };
};

type Witness = ReturnType<typeof createWitness>;

/** The BBS, which is there or not, and the ways to it. */
const createBoards = (ground: Ground, witness: Witness) => {
  const { options, clock, random, logger, faults } = ground;
  const engine = createMemoryEngine();
  const store: StoreState = { writing: 0, cut: 0 };
  let board: BoardLife | undefined;
  let connection: MemoryBus | undefined;
  const wired = (life: Life, onTheWay: WireFaults): BbsClient =>
    createWiredClient({ life, random, faults: onTheWay, board: () => board, logger });

  return {
    engine,
    store,
    wired: (life: Life) => wired(life, faults.wire),
    client: wired(createLife(clock), noWireFaults()),
    board: () => board,
    boardConnection: () => connection,
    async startBbs(): Promise<void> {
      connection = ground.bus.client();
      board = await startBoard({
        clock,
        random,
        logger,
        bus: connection,
        engine,
        busFaults: faults.bus,
        commitMs: options.commitMs ?? 0,
        storeState: store,
        config: options.bbs ?? {},
        onOpen: witness.follow,
      });
    },
    killBbs(): void {
      board?.kill();
      board = undefined;
      connection = undefined;
    },
  };
};

const createAuctioneers = (ground: Ground, wired: (life: Life) => BbsClient) => {
  const { options, clock, random, logger, faults } = ground;
  const auctioneers = new Map<string, SimulatedAuctioneer>();
  let [made, sent] = [0, 0];
  const counted = (bus: Bus): Bus => ({
    ...bus,
    requestAll(requests, asking) {
      sent += requests.length;
      return bus.requestAll(requests, asking);
    },
  });
  return {
    auctioneers,
    sent: () => sent,
    async addAuctioneer(): Promise<SimulatedAuctioneer> {
      made += 1;
      const name = `auctioneer-${made}`;
      const life = createLife(clock);
      const connection = ground.bus.client();
      const { members } = assembleAuctioneer({
        config: must(auctioneerConfig.parse(options.auctioneer ?? {}, 'simulation')),
        clock: life.clock,
        random,
        logger: logger.session(name),
        bus: counted(createMortalBus(connection, { life, random, faults: faults.bus })),
        bbs: wired(life),
      });
      const kill = (): void => {
        auctioneers.delete(name);
        life.kill();
        connection.disconnect();
        void connection.close();
      };
      const { pause, resume } = life;
      const auctioneer: SimulatedAuctioneer = { name, connection, kill, pause, resume };
      auctioneers.set(name, auctioneer);
      await createGroup(members, logger).start();
      return auctioneer;
    },
  };
};

const createTime = ({ clock, options: { seed } }: Ground) => ({
  async drive<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const ended = (): void => void (done = true);
    work.then(ended, ended);
    for (await clock.advance(0); !done;) await clock.advance(1);
    return work;
  },
  run: (seconds: number) => clock.advance(seconds * 1000),
  async until(problems: () => string[] | Promise<string[]>, seconds: number): Promise<number> {
    let last: string[] = [];
    for (let passed = 0; passed <= seconds; passed += 1) {
      last = await problems();
      if (last.length === 0) return passed;
      await clock.advance(1000);
    }
    throw new Error(`seed ${seed}: after ${seconds} s still: ${last.slice(0, 10).join(' · ')}`);
  },
});

export const createSimulation = (options: SimulationOptions): Simulation => {
  const ground = createGround(options);
  const { clock, random, logger, faults, wrongs, log, bus } = ground;
  const cells = new Map<string, SimulatedCell>();
  const worlds = new Map<string, SimulatedWorld>();
  const witness = createWitness(ground, worlds);
  const { wired, ...boards } = createBoards(ground, witness);
  const auctions = createAuctioneers(ground, wired);
  const time = createTime(ground);
  const { starts, events, fold, script } = witness;
  return {
    seed: options.seed,
    clock,
    random,
    faults,
    wrongs,
    log,
    cells,
    starts,
    events,
    fold,
    parts: { logger, connect: bus.client, wired, script, worlds, wrong: ground.wrong },
    ...boards,
    ...auctions,
    ...time,
    async addCell(cellId, size) {
      const cell = createSimulatedCell({
        ...size,
        cellId,
        index: cells.size,
        clock,
        random,
        logger,
        connect: bus.client,
        client: wired,
        script,
        busFaults: faults.bus,
        runtimeFaults: faults.runtime,
        config: options.rep ?? {},
      });
      cells.set(cellId, cell);
      worlds.set(cellId, cell.world);
      await time.drive(cell.start());
      return cell;
    },
    async revive(cell) {
      if (cells.get(cell.cellId) !== cell) return;
      cell.kill();
      await time.drive(cell.start());
    },
    close() {
      for (const cell of cells.values()) cell.kill();
      for (const auctioneer of [...auctions.auctioneers.values()]) auctioneer.kill();
      boards.killBbs();
    },
  };
};

/** The seed of a run: OUTCRY_SEED, or one that is different every time. */
export const chosenSeed = (): number => {
  const given = process.env['OUTCRY_SEED'];
  return given === undefined ? Math.floor(performance.timeOrigin) % 1_000_000_007 : Number(given);
};

/** How much longer than the short form to run: OUTCRY_ROUNDS, 1 when absent. */
export const rounds = (): number => Math.max(1, Number(process.env['OUTCRY_ROUNDS'] ?? '1'));
