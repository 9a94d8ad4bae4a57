import type { ActualLrpApi, CoordinationApi, DesiredLrpApi, TaskApi, TransitionApi } from '../bbs/index.js';
import type { Bus } from '../common/ports/bus.js';
import type { Cancel, Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { NO_METRICS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Random } from '../common/ports/random.js';
import type { Member } from '../common/runtime/group.js';
import { onlyWhenFit } from '../common/runtime/fit-leases.js';
import { createPhase, healthOf } from '../common/runtime/health.js';
import type { Health } from '../common/runtime/health.js';
import { holdLease } from '../common/runtime/lease-client.js';
import type { LeaseHolder } from '../common/runtime/lease-client.js';
import { createBusCells } from './backends/bus-cells.js';
import type { CellBackend } from './backends/cell-backend.js';
import { createMesosBackend } from './backends/mesos.js';
import { overflow } from './backends/overflow.js';
import type { AuctioneerConfig, BackendName } from './config.js';
import type { Scorer } from './core/scorer.js';
import { subscribeAuctions } from './handlers/bus-handlers.js';
import { subscribeQuestions } from './handlers/questions.js';
import { createAuctioneerMetrics, registerRecording } from './metrics.js';
import { createAnswers } from './recording/answers.js';
import { createRecorder } from './recording/recorder.js';
import { createReporter } from './runner/report.js';
import { createRunner } from './runner/runner.js';
import { createWhatIf } from './runner/what-if.js';

/** What an auctioneer asks of the BBS. */
export type AuctioneerBbs = Pick<ActualLrpApi, 'actualLrps'> &
  Pick<DesiredLrpApi, 'desiredLrps'> &
  Pick<TaskApi, 'tasks'> &
  TransitionApi &
  CoordinationApi;

export interface AuctioneerOptions {
  config: AuctioneerConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: Bus;
  bbs: AuctioneerBbs;
  /** of `config.policyModule`: whoever builds an auctioneer loads it */
  scorer?: Scorer | undefined;
  /** none are kept when absent */
  metrics?: Metrics;
}

export interface Auctioneer {
  members: Member[];
  health(): Health;
}

/** The lease that decides which auctioneer is active. */
const LEASE = 'auctioneer';
/** Of those that hear requests and questions one answers, while the lease changes hands. */
const QUEUE = 'auctioneer';

const renewOnReturn = (bus: Bus, lease: LeaseHolder): Member => {
  let cancel: Cancel | undefined;
  return {
    name: 'auctioneer-return',
    start: () => void (cancel = bus.onConnection((connected) => connected && lease.renewNow())),
    stop: () => cancel?.(),
  };
};

/** What an auctioneer lacks to place, or to be able to take over. */
const missing = (bus: Bus, lease: LeaseHolder): (string | false)[] => [
  !bus.connected() && 'the bus is not connected',
  bus.denied(),
  bus.connected() && !lease.answered() && 'the BBS does not answer for the lease',
];

interface Backends {
  backend: CellBackend;
  /** hears of changes from now on */
  listen(): Cancel;
}

/** As configured: what finds no place at one is tried at the next. */
const createBackends = ({ config, clock, bus, bbs }: AuctioneerOptions, logger: Logger): Backends => {
  const cells = createBusCells({
    bus,
    bbs,
    clock,
    logger,
    stateTimeoutMs: config.stateTimeoutMs,
    refreshEveryMs: config.stateRefreshMs,
    workTimeoutMs: config.workTimeoutMs,
  });
  const made: Record<BackendName, () => CellBackend> = {
    cells: () => cells,
    mesos: () => createMesosBackend({ bus, clock, logger, ...config.mesos }),
  };
  const backend = config.backends.map((name) => made[name]()).reduce(overflow);
  return { backend, listen: config.backends.includes('cells') ? cells.listen : () => () => undefined };
};

/** What places, and what answers questions about it; nothing is heard before `listen`. */
const createAuctions = (options: AuctioneerOptions, logger: Logger, held: () => boolean) => {
  const { config, clock, random, bus, bbs, scorer } = options;
  const { policy } = config;
  const metrics = options.metrics ?? NO_METRICS;
  const recorder = createRecorder({ clock, logger, maxBytes: config.recordingMaxBytes });
  registerRecording(metrics, recorder.held);
  const { backend, listen } = createBackends(options, logger);
  const runner = createRunner({
    backend,
    policy,
    scorer,
    clock,
    random,
    logger,
    workDeadlineMs: config.workTimeoutMs,
    metrics: createAuctioneerMetrics(metrics, held),
    record: recorder.record,
    report: createReporter({ bbs, logger }).report,
  });
  const answers = createAnswers({ recorder, clock, scorer, waits: runner.waits });
  const whatIf = createWhatIf({ backend, bbs, policy, scorer });
  return {
    listen(): Cancel {
      const cancels = [
        listen(),
        subscribeAuctions({ bus, runner, logger, queue: QUEUE }),
        subscribeQuestions({ bus, answers, whatIf, logger, queue: QUEUE }),
      ];
      return () => cancels.forEach((cancel) => cancel());
    },
    stop() {
      runner.stop();
      recorder.stop();
    },
  };
};

/** An auctioneer: it listens for requests only while it holds the lease. */
export const assembleAuctioneer = (options: AuctioneerOptions): Auctioneer => {
  const { config, clock, random, bus } = options;
  const logger = options.logger.session('auctioneer');
  const auctions = createAuctions(options, logger, () => lease.held());

  let unsubscribe: Cancel | undefined;
  const rest = (): void => {
    unsubscribe?.();
    unsubscribe = undefined;
  };
  const lease = holdLease({
    leases: onlyWhenFit(options),
    name: LEASE,
    owner: random.uuid(),
    ttlMs: config.leaseTtlMs,
    value: () => '',
    clock,
    logger,
    onGained: () => {
      unsubscribe ??= auctions.listen();
      logger.info('started');
    },
    onLost: rest,
  });
  const requests: Member = {
    name: 'auction-requests',
    start: () => undefined,
    stop() {
      rest();
      auctions.stop();
    },
  };
  const phase = createPhase('auctioneer');
  return {
    members: [{ ...lease, name: 'auctioneer-lease' }, renewOnReturn(bus, lease), requests, phase.member],
    health: () =>
      healthOf([phase.whyNot(), ...missing(bus, lease)], {
        lease: lease.held() ? 'held' : 'standing by',
        bus: bus.connected(),
      }),
  };
};
