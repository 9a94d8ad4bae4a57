import type { CoordinationApi } from '../bbs/index.js';
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
import { unattended } from '../common/runtime/unattended.js';
import type { ActiveBridge, ActiveOptions, BridgeBbs } from './bridge/active.js';
import { startBridge } from './bridge/active.js';
import type { EnrolmentService } from './bridge/enrolment.js';
import type { OpenClient } from './bridge/subscription.js';
import type { MesosBridgeConfig } from './config.js';
import { subscribeBridge } from './handlers/bus-handlers.js';
import { subscribeDemand } from './handlers/demand-events.js';
import { createBridgeMetrics } from './metrics.js';

export interface MesosBridgeOptions {
  config: MesosBridgeConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: Bus;
  bbs: BridgeBbs & Pick<CoordinationApi, 'acquireLease' | 'renewLease' | 'releaseLease'>;
  openClient: OpenClient;
  /** how executors find the bridge, and what they get there */
  enrolment: EnrolmentService;
  /** none are kept when absent */
  metrics?: Metrics;
}

export interface MesosBridge {
  members: Member[];
  health(): Health;
}

/** The lease that decides which bridge is active. */
const LEASE = 'mesos-bridge';
/** Of those that hear questions one answers, while the lease changes hands. */
const QUEUE = 'mesos-bridge';

/** ms for which one that stepped down leaves the lease to others */
const STEPPED_DOWN_MS = 60_000;

interface Running {
  /** no more is begun */
  ending: AbortController;
  /** undefined until executors can be told where the bridge is */
  bridge?: ActiveBridge;
  deafen: Cancel;
}

type TenureOptions = Omit<ActiveOptions, 'door'> &
  Pick<MesosBridgeOptions, 'enrolment'> & {
    /** the lease, at this moment */
    held(): boolean;
  };

/** Runs a bridge while the lease is held; what is stopped is waited for at the end. */
const createTenure = (options: TenureOptions) => {
  const { bus, logger, enrolment } = options;
  let running: Running | undefined;
  let stopping: Promise<unknown> = Promise.resolve();

  const stop = (): void => {
    if (running === undefined) return;
    const { ending, bridge, deafen } = running;
    running = undefined;
    ending.abort();
    deafen();
    stopping = Promise.all([stopping, bridge?.stop()]);
    unattended({ logger, event: 'failed-to-stop' }, () => stopping);
  };

  const begin = async (mine: Running): Promise<void> => {
    const door = await enrolment.open(() => mine.bridge?.enrolling, mine.ending.signal);
    if (door === undefined || running !== mine) return;
    const bridge = startBridge({ ...options, door });
    const cancels = [
      subscribeBridge({ bus, logger, bridge: bridge.answers, queue: QUEUE, mayAnswer: options.held }),
      subscribeDemand(bus, bridge.demand, bridge.onDemand),
    ];
    mine.bridge = bridge;
    mine.deafen = () => cancels.forEach((cancel) => cancel());
    logger.info('started');
  };

  return {
    start(): void {
      if (running !== undefined) return;
      const mine: Running = { ending: new AbortController(), deafen: () => undefined };
      running = mine;
      unattended({ logger, event: 'failed-to-start' }, () => begin(mine));
    },
    stop,
    stopped: (): Promise<unknown> => stopping,
    trouble: (): string =>
      running === undefined ? '' : (running.bridge?.trouble() ?? 'the BBS has not told what it keeps yet'),
  };
};

const tenureOptions = (
  options: MesosBridgeOptions,
  logger: Logger,
  parts: Pick<TenureOptions, 'metrics' | 'stepDown' | 'held'>,
): TenureOptions => {
  const { config, bus, bbs, clock, random, openClient, enrolment } = options;
  return { config, bus, bbs, clock, random, openClient, enrolment, logger, ...parts };
};

/** A bridge: it subscribes at Mesos only while it holds the lease, and leaves everything running when it stops. */
export const assembleMesosBridge = (options: MesosBridgeOptions): MesosBridge => {
  const { config, clock, random, bus } = options;
  const logger = options.logger.session('mesos-bridge');
  let restsUntil = -Infinity;
  const metrics = createBridgeMetrics(options.metrics ?? NO_METRICS, () => lease.held());
  const stepDown = (): void => {
    restsUntil = clock.monotonic() + STEPPED_DOWN_MS;
    tenure.stop();
  };
  const tenure = createTenure(
    tenureOptions(options, logger, { metrics, stepDown, held: () => lease.held() }),
  );
  const lease = holdLease({
    leases: onlyWhenFit({
      ...options,
      whyUnfit: () => (clock.monotonic() < restsUntil ? 'it has stepped down' : undefined),
    }),
    name: LEASE,
    owner: random.uuid(),
    ttlMs: config.leaseTtlMs,
    value: () => '',
    clock,
    logger,
    onGained: tenure.start,
    onLost: tenure.stop,
  });
  let onReturn: Cancel = () => undefined;
  const work: Member = {
    name: 'mesos',
    start: () => void (onReturn = bus.onConnection((connected) => connected && lease.renewNow())),
    async stop() {
      onReturn();
      tenure.stop();
      await tenure.stopped();
    },
  };
  const phase = createPhase('mesos-bridge');
  return {
    members: [...options.enrolment.members, { ...lease, name: 'mesos-bridge-lease' }, work, phase.member],
    health: () =>
      healthOf(
        [
          phase.whyNot(),
          !bus.connected() && 'the bus is not connected',
          bus.denied(),
          bus.connected() && !lease.answered() && 'the BBS does not answer for the lease',
          lease.held() && tenure.trouble(),
        ],
        { lease: lease.held() ? 'held' : 'standing by', bus: bus.connected() },
      ),
  };
};
