import type { BbsClient } from '../bbs/index.js';
import type { Bus } from '../common/ports/bus.js';
import type { Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { NO_METRICS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Random } from '../common/ports/random.js';
import type { Member } from '../common/runtime/group.js';
import { createPhase, healthOf } from '../common/runtime/health.js';
import type { Health, Phase } from '../common/runtime/health.js';
import type { StoreEngine } from '../common/store/engine.js';
import type { ApiConfig } from './config.js';
import { blobsInUse } from './core/packages.js';
import { createBlobDoor } from './handlers/blob-door.js';
import type { Deps } from './handlers/deps.js';
import type { Listener } from './handlers/listener.js';
import { listen } from './handlers/listener.js';
import type { ApiMetrics } from './metrics.js';
import { createApiMetrics } from './metrics.js';
import type { AppTasks } from './services/app-tasks.js';
import { createAppTasks } from './services/app-tasks.js';
import { createAuctions } from './services/auctions.js';
import type { Background } from './services/background.js';
import { createBackground } from './services/background.js';
import { createEvacuate } from './services/evacuations.js';
import { createCells } from './services/cells.js';
import { createHistory } from './services/history.js';
import { createExplain } from './services/explain.js';
import { createImages } from './services/images.js';
import type { Jobs } from './services/jobs.js';
import { createJobs } from './services/jobs.js';
import { createLogs } from './services/logs.js';
import type { Lrps } from './services/lrps.js';
import { createLrps } from './services/lrps.js';
import { createMesos } from './services/mesos.js';
import { createOperations } from './services/operations.js';
import { createStaging } from './services/staging.js';
import { createBlobStore } from './store/blobs.js';
import { openState } from './store/state.js';
import { loadToken } from './store/token.js';

export interface ApiOptions {
  config: ApiConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: Bus;
  bbs: BbsClient;
  engine: StoreEngine;
  /** none are kept when absent */
  metrics?: Metrics;
  /** the store had to step down: this API changes nothing any more, and should be stopped */
  onLost?: (reason: string) => void;
}

export interface Api {
  members: Member[];
  /** where it listens; known once its members have started */
  address(): { host: string; port: number };
  /** the bearer token; known once its members have started */
  token(): string;
  health(): Health;
}

interface Parts {
  deps: Deps;
  token: string;
  lrps: Lrps;
  tasks: AppTasks;
  jobs: Jobs;
  background: Background;
}

interface BuildOptions extends Omit<ApiOptions, 'metrics'> {
  metrics: ApiMetrics;
  onLost(reason: string): void;
}

const build = async (options: BuildOptions, logger: Logger): Promise<Parts> => {
  const { config, clock, random, bus, bbs, engine, metrics } = options;
  const token = await loadToken(config.tokenFile, random);
  const blobs = createBlobStore(config.blobDirectory);
  await blobs.start();
  const state = await openState({ engine, clock, random, logger, settings: config.settings });
  state.onLost((reason) => {
    logger.error('store-lost', { reason });
    options.onLost(reason);
  });
  const background = createBackground(logger);
  const logs = createLogs({ bus, clock, logger, limits: config.logs });
  const { syncIntervalMs, domainTtlSeconds } = config;
  const lrps = createLrps({ state, bbs, clock, random, logger, syncIntervalMs, domainTtlSeconds });
  const explain = createExplain({ bus, random, timeoutMs: config.explainTimeoutMs });
  const tasks = createAppTasks({ state, bbs, explain, clock, random, logger, syncIntervalMs });
  const jobs = createJobs(state, background);
  const images = createImages({ bus, clock, random, timeoutMs: config.imageTimeoutMs });
  const staging = createStaging({ state, blobs, images, logs, background, logger });
  const operations = createOperations({ state, lrps, tasks, jobs, logs, blobs, background });
  const cells = createCells({ bus, bbs, random, timeoutMs: config.cellStateTimeoutMs });
  const evacuate = createEvacuate({ bus, random, cells, timeoutMs: config.cellStateTimeoutMs });
  const { tables } = state;
  const auctions = createAuctions({ bus, bbs, tables, random, timeoutMs: config.auctionTimeoutMs });
  const mesos = createMesos({ bus, random, timeoutMs: config.auctionTimeoutMs });
  const history = createHistory({ bbs, tables });
  const { maxUploadBytes, archive } = config;
  const effects = {
    bbs,
    cells,
    evacuate,
    explain,
    auctions,
    mesos,
    history,
    clock,
    random,
    logger,
    metrics,
    maxUploadBytes,
    archive,
  };
  const deps: Deps = { state, blobs, operations, tasks, staging, logs, ...effects };
  return { deps, token, lrps, tasks, jobs, background };
};

const judge = (
  { bus }: ApiOptions,
  { phase, lost, parts }: { phase: Phase; lost: boolean; parts: Parts | undefined },
): Health => {
  const bbs = parts?.lrps.bbsAnswers() ?? false;
  const against = [phase.whyNot(), lost && 'the store is lost', !bbs && 'the BBS does not answer'];
  return healthOf([...against, bus.denied()], {
    bbs,
    store: parts !== undefined && !lost,
    bus: bus.connected(),
  });
};

const NOT_STARTED = 'the API has not started';

/**
 * The API. Its members, in order: state and files; the droplet socket; the HTTP listener; and what keeps the
 * BBS equal to the state, whose first comparison is done when the last one has started.
 */
export const assembleApi = (options: ApiOptions): Api => {
  const { config, clock } = options;
  const logger = options.logger.session('api');
  let parts: Parts | undefined;
  let door: Member | undefined;
  let listener: Listener | undefined;
  let lost = false;
  const metrics = createApiMetrics(options.metrics ?? NO_METRICS);
  const phase = createPhase('api');

  const need = (): Parts => {
    if (!parts) throw new Error(NOT_STARTED);
    return parts;
  };

  const state: Member = {
    name: 'api-state',
    async start() {
      const onLost = (reason: string): void => {
        lost = true;
        options.onLost?.(reason);
      };
      parts = await build({ ...options, metrics, onLost }, logger);
      const { state: opened, blobs, logs, staging } = parts.deps;
      await blobs.sweep(() => blobsInUse(opened.tables));
      logs.start();
      staging.start();
    },
    async stop() {
      const { deps, background } = need();
      deps.logs.stop();
      deps.staging.stop();
      await background.idle();
      await deps.state.close();
    },
  };

  const blobDoor: Member = {
    name: 'api-blob-door',
    async start() {
      const { state: opened, blobs } = need().deps;
      door = createBlobDoor({ address: config.blobListen, state: opened, blobs, clock, logger });
      await door.start();
    },
    stop: () => door?.stop(),
    renew: () => door?.renew?.(),
  };

  const http: Member = {
    name: 'api-http',
    async start() {
      const { deps, token } = need();
      const allowedHosts = [...config.allowedHosts, config.listen.host];
      const guard = { token, allowedHosts, allowedOrigins: config.allowedOrigins };
      listener = await listen({ deps, guard, listen: config.listen, clock });
      logger.info('listening', { ...listener.address });
    },
    stop: () => listener?.close(),
    renew: () => listener?.renew(),
  };

  const follow: Member = {
    name: 'api-sync',
    async start() {
      const { lrps, tasks, jobs } = need();
      await lrps.start();
      await tasks.start();
      await jobs.finishOld();
    },
    stop() {
      need().lrps.stop();
      need().tasks.stop();
    },
  };

  return {
    members: [state, blobDoor, http, follow, phase.member],
    address() {
      if (!listener) throw new Error(NOT_STARTED);
      return listener.address;
    },
    token: () => need().token,
    health: () => judge(options, { phase, lost, parts }),
  };
};
