import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { toJson } from '../common/wire/codec.js';
import type { Bus } from '../common/ports/bus.js';
import type { Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { NO_METRICS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Random } from '../common/ports/random.js';
import type { Member } from '../common/runtime/group.js';
import { createPhase, healthOf } from '../common/runtime/health.js';
import type { Health, Phase } from '../common/runtime/health.js';
import type { Downloader } from './actions/downloader.js';
import type { Uploader } from './actions/uploader.js';
import type { CellRepConfig } from './config.js';
import { adoptContainers } from './containers/adoption.js';
import { createBulkSync } from './containers/bulk-sync.js';
import type { Cell } from './containers/cell.js';
import { createCell } from './containers/cell.js';
import type { CellContext, RepBbs } from './containers/context.js';
import { gatherReports } from './containers/gathered-reports.js';
import { createFileNotes, createNoNotes } from './containers/file-notes.js';
import type { ContainerNotes } from './containers/memory.js';
import { createEvacuation } from './containers/evacuation.js';
import type { Evacuation } from './containers/evacuation.js';
import { endContainers, leaveContainers } from './containers/shutdown.js';
import { createMeasuring } from './containers/measuring.js';
import type { Measuring } from './containers/measuring.js';
import type { CellFacts } from './core/cell-state.js';
import { buildPresence } from './core/cell-state.js';
import type { ContainerRuntime } from './core/container-runtime.js';
import type { CredentialIssuer } from './core/credentials.js';
import type { Grants } from './core/grants.js';
import type { Ledger } from './core/ledger.js';
import { createLedger } from './core/ledger.js';
import type { Announcer } from './handlers/announcer.js';
import { createAnnouncer } from './handlers/announcer.js';
import { createBusWorkSource } from './handlers/bus-work-source.js';
import { tellContainerMetrics } from './handlers/container-metrics.js';
import { answerImageQueries } from './handlers/image-queries.js';
import type { ImageQueries } from './handlers/image-queries.js';
import { IMAGE_SCHEME, factsOf, told } from './facts.js';
import { createRepDoor } from './handlers/rep-door.js';
import type { RepDoorOptions } from './handlers/rep-door.js';
import { subscribeRouteChanges } from './handlers/route-changes.js';
import { createLogPublisher } from './logs/log-publisher.js';
import { createCellMetrics } from './metrics.js';
import { createEar, createGate } from './presence/gate.js';
import { presenceOwner } from './presence/owner.js';
import type { Presence, PresenceStatus } from './presence/presence.js';
import { createPresence } from './presence/presence.js';
import { createRouteEmitter } from './routes/emitter.js';
import { createSlots } from './waiting/slots.js';
import { directoryVolumes } from './volumes/directory.js';
import type { ContainerWatcher, WorkSource } from './work-source.js';

export { createDownloader } from './actions/download.js';
export { createUploader } from './actions/upload.js';
export { createBusWorkSource } from './handlers/bus-work-source.js';
export { capacityPerCell } from './capacity.js';
export { chooseRuntime } from './runtimes/choose.js';
export { removeContainerRoot } from './runtimes/process/container-root.js';
export { decideRuntime } from './runtimes/decide.js';
export type { AskedRuntime, RuntimeChoice } from './runtimes/decide.js';
export { removeLeftovers } from './runtimes/leftovers.js';
export { createTransfers, transferMembers } from './transfers.js';

export interface CellRepOptions {
  config: CellRepConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: Bus;
  bbs: RepBbs;
  runtime: ContainerRuntime;
  downloader: Downloader;
  uploader: Uploader;
  /** makes each container a certificate; absent = they have none */
  credentials?: CredentialIssuer;
  /** the bus when absent */
  workSource?: WorkSource;
  /** told how each container fares; nobody when absent */
  watcher?: ContainerWatcher;
  /** what the cell is lent by whoever gives it work, in place of the size in `config`; absent = it has that size */
  grants?: Grants;
  /** files in the state directory when absent */
  notes?: ContainerNotes;
  /** who holds the cell's presence, the same in every life of the rep; kept in the state directory when absent */
  presenceOwner?: string;
  /** none are kept when absent */
  metrics?: Metrics;
}

/** ms beyond the grace in which containers must be gone and the BBS told, or the stop goes on without */
const SETTLE_MS = 5_000;

/** ms beyond it when an evacuation was given up: its containers leave traffic first */
const STRANDED_SETTLE_MS = 10_000;

export interface CellRep {
  members: Member[];
  cell: Cell;
  health(): Health;
  /** resolves when the cell was evacuated, and there is nothing left to be done but to stop the members */
  done: Promise<void>;
}

/** A guid as Diego cuts it for instances. */
const INSTANCE_GUID_LENGTH = 28;

/** Answers about images where the cell takes them. */
const imageQueries = (
  { bus, clock, runtime }: CellRepOptions,
  facts: CellFacts,
  logger: Logger,
): ImageQueries | undefined => {
  const { describeImage } = runtime;
  if (!describeImage || !Object.hasOwn(facts.rootfsProviders, IMAGE_SCHEME)) return undefined;
  const images = { healthy: runtime.healthy, describeImage };
  return answerImageQueries({ cellId: facts.cellId, bus, clock, logger, runtime: images });
};

const ledgerOf = ({ config, grants, random }: CellRepOptions, incarnation: string) => {
  const { cpuCores } = config.runtime.docker;
  return createLedger({
    cellId: config.cellId,
    incarnation,
    total: config.total,
    ...(grants && { grants }),
    ...(cpuCores.length > 0 && { cores: cpuCores }),
    proxyMemoryMb: config.proxyMemoryMb,
    mintGuid: () => random.uuid().slice(0, INSTANCE_GUID_LENGTH),
  });
};

/** Everything that the cell's containers share. */
const createContext = (
  options: CellRepOptions,
  parts: {
    logger: Logger;
    ledger: Ledger;
    announcer: Announcer;
    measured: ReturnType<typeof createCellMetrics>;
    evacuating(): boolean;
  },
): CellContext => {
  const { config, clock, random, bus } = options;
  const { logger, ledger, announcer, measured, evacuating } = parts;
  const notesDir = join(config.stateDir, 'containers');
  return {
    cellId: config.cellId,
    zone: config.zone,
    times: {
      graceMs: config.graceMs,
      inFlightGraceMs: config.inFlightGraceMs,
      reservationMs: config.reservationMs,
    },
    clock,
    random,
    logger,
    bbs: gatherReports(options.bbs),
    runtime: options.runtime,
    volumeDrivers: directoryVolumes(config.volumeDrivers),
    downloader: options.downloader,
    uploader: options.uploader,
    ...(options.credentials && { credentials: options.credentials }),
    ledger,
    logs: createLogPublisher({ cellId: config.cellId, bus, clock, logger }),
    logLinesPerSecond: config.logLinesPerSecond,
    routes: createRouteEmitter({
      bus,
      clock,
      random,
      logger: logger.session('route-emitter'),
      ackTimeoutMs: config.unregisterTimeoutMs,
      startJitter: config.routeStartJitter,
      metrics: measured.routes,
    }),
    notes: options.notes ?? (config.stateDir === '' ? createNoNotes() : createFileNotes(notesDir, logger)),
    metrics: measured,
    ...(options.watcher && { watcher: options.watcher }),
    createSlots: createSlots(config.createSlots),
    evacuating,
    changed: announcer.changed,
    workTaken: announcer.workTaken,
    // room of a cell that drains is nobody's
    roomAppeared: () => (evacuating() ? undefined : announcer.roomAppeared()),
  };
};

/** The cell's lease, opened when its owner's name has been read. */
const createPresenceMember = (
  { config, clock, random, bus, bbs, runtime, presenceOwner: owner }: CellRepOptions,
  parts: {
    facts: CellFacts;
    logger: Logger;
    onChange(status: PresenceStatus): void;
    /** the cell is gone for good when the rep stops */
    leaves(): boolean;
  },
): Member & Pick<Presence, 'status' | 'answered'> => {
  let presence: Presence | undefined;
  return {
    name: 'presence',
    async start() {
      presence = createPresence({
        cellId: config.cellId,
        owner: owner ?? (await presenceOwner(config.stateDir, random)),
        value: JSON.stringify(toJson('CellPresence', buildPresence(told(parts.facts, runtime)))),
        ttlMs: config.presenceTtlMs,
        everyMs: config.presenceEveryMs,
        bus,
        bbs,
        clock,
        logger: parts.logger.session('presence'),
        onChange: parts.onChange,
      });
      presence.start();
    },
    stop: () => presence?.stop(parts.leaves()),
    status: () => presence?.status() ?? 'unknown',
    answered: () => presence?.answered() ?? false,
  };
};

/** Containers are adopted before the presence says that the cell is there, and let go before it ends. */
const containerMembers = (cell: Cell, context: CellContext, config: CellRepConfig, incarnation: string) => {
  const { logger, runtime, logs } = context;
  const adoption: Member = {
    name: 'containers',
    async start() {
      const adopted = await adoptContainers({ cell, context });
      logger.info('started', { incarnation, adopted, runtime: runtime.kind, ...runtime.abilities?.() });
    },
    stop: () => logs.flush(),
  };
  const atStop: Member = {
    name: 'containers-at-stop',
    start: () => undefined,
    stop: () =>
      config.onStop === 'leave'
        ? leaveContainers(cell)
        : endContainers({
            cell,
            clock: context.clock,
            logger: context.logger,
            timeoutMs: config.graceMs + SETTLE_MS,
            end: (one) => one.stop('shutdown'),
          }),
  };
  return { adoption, atStop };
};

const runtimeMember = (runtime: ContainerRuntime, cell: Cell): Member => {
  let unwatch: () => void = () => undefined;
  return {
    name: 'container-runtime',
    async start() {
      await runtime.start();
      unwatch = runtime.watchHealth(cell.healthChanged);
    },
    stop() {
      unwatch();
      return runtime.stop();
    },
  };
};

/** What containers take. A cell that does not count CPU has that of its machine. */
const measuringOf = ({ config, clock }: CellRepOptions, cell: Cell): Measuring => {
  const { memoryMb, cpuMilli } = config.total;
  const total = { memoryMb, cpuMilli: cpuMilli > 0 ? cpuMilli : availableParallelism() * 1000 };
  return createMeasuring({ containers: cell.containers, clock, total });
};

/** Diego's auctioneer and BBS find the rep there, where its configuration opens a door for them. */
const repDoor = (
  { config, clock }: CellRepOptions,
  parts: Pick<RepDoorOptions, 'cell' | 'measuring' | 'mayAct' | 'logger'>,
): Member[] => {
  const { cellId, listen: address } = config;
  return address === undefined ? [] : [createRepDoor({ ...parts, address, cellId, clock })];
};

/** What of the cell is looked at when somebody asks for its metrics. */
const measure = (
  { runtime, metrics = NO_METRICS }: CellRepOptions,
  ledger: Ledger,
  parts: () => { cell: Cell; context: CellContext },
) =>
  createCellMetrics(metrics, {
    total: ledger.total,
    used: ledger.used,
    available: ledger.available,
    counts: ledger.counts,
    containers: () => ledger.entries().length,
    runtimeHealthy: () => runtime.healthy(),
    whyClosed: () => parts().cell.whyClosed(),
    routes: () => parts().context.routes.routes(),
  });

const evacuationOf = (
  { config, clock }: CellRepOptions,
  parts: { cell: Cell; context: CellContext; onBegin(): void },
): Evacuation =>
  createEvacuation({
    cell: parts.cell,
    clock,
    logger: parts.context.logger.session('evacuation'),
    timeoutMs: config.evacuationTimeoutMs,
    settleMs: config.graceMs + STRANDED_SETTLE_MS,
    onBegin() {
      parts.cell.evacuationBegan();
      parts.onBegin();
    },
    onStranded: parts.context.metrics.stranded,
  });

const judge = (
  { bus, runtime }: CellRepOptions,
  { phase, cell, presence }: { phase: Phase; cell: Cell; presence: { status(): PresenceStatus } },
): Health =>
  healthOf([phase.whyNot(), cell.whyClosed(), !bus.connected() && 'the bus is not connected', bus.denied()], {
    runtime: runtime.healthy(),
    presence: presence.status(),
    bus: bus.connected(),
    evacuating: cell.state().evacuating,
  });

/** Puts a rep together. Members start in order; what is stopped first takes no more work. */
export const assembleCellRep = (options: CellRepOptions): CellRep => {
  const { config, clock, random, bus, runtime } = options;
  const logger = options.logger.session('rep', { cellId: config.cellId });
  const incarnation = random.uuid();
  const facts = factsOf(options, incarnation);
  const source =
    options.workSource ?? createBusWorkSource({ cellId: config.cellId, bus, clock, random, logger });
  const announcer = createAnnouncer({ clock, source, state: () => cell.state() });
  const ledger = ledgerOf(options, incarnation);
  const measured = measure(options, ledger, () => ({ cell, context }));
  const evacuating = (): boolean => evacuation.begun();
  const context = createContext(options, { logger, ledger, announcer, measured, evacuating });
  const cell = createCell({ facts, context, onEvacuate: () => evacuation.begin() });
  const evacuation = evacuationOf(options, { cell, context, onBegin: () => sync.retime() });
  const images = imageQueries(options, facts, logger);
  const ear = createEar([
    { start: () => source.start(cell), stop: source.stop },
    ...(images === undefined ? [] : [images]),
  ]);
  const gate = createGate(cell);
  const phase = createPhase('cell');
  const presence = createPresenceMember(options, {
    facts,
    logger,
    onChange(status) {
      gate.presence(status);
      if (status === 'held') sync.start();
      ear.allow(status === 'held');
    },
    leaves: () => config.onStop === 'stop-containers' || evacuation.finished(),
  });
  const sync = createBulkSync({
    context,
    cell,
    everyMs: () => (evacuating() ? config.evacuationSyncMs : config.syncMs),
    mayAct: () => presence.status() === 'held',
    onAnswer: (yes) => gate.synced(yes || !presence.answered()),
  });
  const measuring = measuringOf(options, cell);
  const { adoption, atStop } = containerMembers(cell, context, config, incarnation);
  const work: Member = {
    name: 'work-source',
    start: ear.open,
    stop() {
      announcer.stop();
      gate.stop();
      source.changed(cell.state());
      ear.close();
    },
  };
  const members: Member[] = [
    runtimeMember(runtime, cell),
    { name: 'route-emitter', start: context.routes.start, stop: context.routes.stop },
    adoption,
    presence,
    atStop,
    { name: 'bulk-sync', start: () => undefined, stop: sync.stop },
    subscribeRouteChanges({ bus, cell, logger }),
    tellContainerMetrics({ cellId: config.cellId, bus, clock, logger, measuring }),
    work,
    ...repDoor(options, { cell, measuring, mayAct: () => presence.status() === 'held', logger }),
    phase.member,
  ];
  return {
    members,
    cell,
    health: () => judge(options, { phase, cell, presence }),
    done: evacuation.done,
  };
};
