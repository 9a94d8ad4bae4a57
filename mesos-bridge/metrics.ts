import type { Metrics } from '../common/ports/metrics.js';
import type { OfferCounts } from './core/offer-history.js';

/** What is read of a bridge at a scrape. */
export interface BridgeReading {
  readonly offers: OfferCounts;
  readonly held: number;
  readonly executors: number;
  readonly tasks: number;
  readonly waiting: number;
  /** ms */
  readonly hungerMs: number;
  readonly unacknowledged: number;
  readonly subscribed: boolean;
}

/** What is told of a bridge's work as it does it. */
export interface BridgeMetrics {
  call(type: string, outcome: string): void;
  launched(tasks: number): void;
  update(state: string, reason: string): void;
  failure(of: 'agent' | 'executor'): void;
  /** the active bridge reads as this from now on; undefined: it stands by */
  read(reading: (() => BridgeReading) | undefined): void;
}

const registerReading = (metrics: Metrics, reading: () => BridgeReading | undefined): void => {
  const gauges = {
    MesosSubscribed: { help: '1 while the bridge has a subscription at a Mesos master.' },
    MesosOffersHeld: { help: 'Offers that the bridge holds now.' },
    MesosExecutors: { help: 'Executors that live on agents.' },
    MesosTasks: { help: 'Mesos tasks that have not ended.' },
    MesosDemand: { help: 'Instances and tasks that wait for offers.' },
    MesosUnacknowledged: { help: 'Status updates whose acknowledgement waits for the BBS.' },
    MesosHunger: {
      help: 'For how long work has waited without a usable offer, once that is too long.',
      unit: 's',
    },
  } as const;
  metrics.gauges(gauges, () => {
    const now = reading();
    if (now === undefined) return {};
    return {
      MesosSubscribed: Number(now.subscribed),
      MesosOffersHeld: now.held,
      MesosExecutors: now.executors,
      MesosTasks: now.tasks,
      MesosDemand: now.waiting,
      MesosUnacknowledged: now.unacknowledged,
      MesosHunger: now.hungerMs / 1000,
    };
  });
  const counters = {
    MesosOffersReceived: { help: 'Offers that came.' },
    MesosOffersUsed: { help: 'Offers that work was launched with.' },
    MesosOffersDeclined: { help: 'Offers that were given back.' },
    MesosOffersRescinded: { help: 'Offers that Mesos took back.' },
    MesosOffersLost: { help: 'Offers that were void with their subscription or their agent.' },
  };
  metrics.counters(counters, () => {
    const counts = reading()?.offers;
    return counts === undefined
      ? {}
      : {
          MesosOffersReceived: counts.received,
          MesosOffersUsed: counts.used,
          MesosOffersDeclined: counts.declined,
          MesosOffersRescinded: counts.rescinded,
          MesosOffersLost: counts.lost,
        };
  });
};

/** Registers what a bridge measures. `held`: it holds the lease. */
export const createBridgeMetrics = (metrics: Metrics, held: () => boolean): BridgeMetrics => {
  let reading: (() => BridgeReading) | undefined;
  metrics.gauges({ LockHeld: { help: '1 while this bridge holds the lease; 0 on a stand-by.' } }, () => ({
    LockHeld: Number(held()),
  }));
  registerReading(metrics, () => reading?.());
  const calls = metrics.counter('MesosCalls', {
    help: 'Calls to the master, by type and what became of them.',
    labels: ['type', 'outcome'],
  });
  const launches = metrics.counter('MesosLaunches', { help: 'Mesos tasks that were launched.' });
  const updates = metrics.counter('MesosTaskUpdates', {
    help: 'Status updates that came, by state and reason.',
    labels: ['state', 'reason'],
  });
  const failures = metrics.counter('MesosFailures', {
    help: 'Agents and executors that Mesos told to have failed.',
    labels: ['of'],
  });
  return {
    call: (type, outcome) => calls.increment({ type, outcome }),
    launched: (tasks) => launches.increment({}, tasks),
    update: (state, reason) => updates.increment({ state, reason }),
    failure: (of) => failures.increment({ of }),
    read: (given) => void (reading = given),
  };
};
