import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { LogFields, Logger } from '../../common/ports/logger.js';
import type { Metrics } from '../../common/ports/metrics.js';
import type { Random } from '../../common/ports/random.js';
import { createGroup } from '../../common/runtime/group.js';
import type { Group } from '../../common/runtime/group.js';
import type { RouterConfig } from '../config.js';
import { createRouteTable } from '../core/route-table.js';
import type { RouteTable, TableChange } from '../core/route-table.js';
import { createPruner } from '../registrar/pruner.js';
import { createTraffic } from '../traffic.js';
import type { Traffic } from '../traffic.js';
import type { FromWorker, LogLevel, TableStep, ToWorker } from './messages.js';

export interface WorkerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  tell(message: FromWorker): void;
  /** ends the process */
  exit(status: number): void;
}

/** A worker has no log of its own. */
const createToldLogger = (tell: WorkerOptions['tell']): Logger => {
  const session = (prefix: string, bound: LogFields): Logger => {
    const log =
      (level: LogLevel) =>
      (event: string, fields?: LogFields): void =>
        tell({ say: 'log', level, event: prefix + event, fields: { ...bound, ...fields } });
    return {
      // what only a developer looks at is not worth a message each
      debug: () => undefined,
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      session: (name, fields) => session(`${prefix}${name}.`, { ...bound, ...fields }),
    };
  };
  return session('', {});
};

/** Ages are the router's business, which unregisters what is too old. */
const NEVER_STALE = Number.POSITIVE_INFINITY;

const applyStep = (table: RouteTable, step: TableStep, now: number): TableChange[] => {
  if (step.do === 'register') return [table.register(step.endpoint, step.keys, NEVER_STALE)];
  if (step.do === 'unregister') return [table.unregister(step.address, step.keys, now)];
  return step.keys.flatMap((key) => {
    const entry = table.entry(key, step.address);
    return entry ? [table.evict(key, entry, now)] : [];
  });
};

const failed = (error: unknown): FromWorker => {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = error instanceof OutcryError ? { code: error.code, details: error.details } : undefined;
  return { say: 'failed', reason: code ?? message, known };
};

interface Work {
  readonly table: RouteTable;
  readonly traffic: Traffic;
  readonly group: Group;
  listen(): Promise<void>;
}

const begin = (
  config: RouterConfig,
  { clock, random, metrics, tell }: WorkerOptions,
  state: { healthy: boolean; connected: boolean },
): Work => {
  const logger = createToldLogger(tell);
  const table = createRouteTable({ fraction: random.fraction, emptyPoolMs: config.table.emptyPoolMs });
  const traffic = createTraffic({
    ...{ config: { ...config, startDelayMs: 0 }, clock, random, logger, metrics, table },
    bus: {
      connected: () => state.connected,
      publish(subject, payload) {
        tell({ say: 'publish', subject, payload });
        return true;
      },
    },
    isHealthy: () => state.healthy,
    onEvicted: (key, address) => tell({ say: 'evicted', key, address }),
  });
  const pruner = createPruner({
    clock,
    logger: logger.session('pruner'),
    prune() {
      const change = table.prune(clock.monotonic());
      traffic.retire(change.retired);
      return change;
    },
    intervalMs: config.table.pruneIntervalMs,
    metrics: { pruned: () => undefined },
  });
  const group = createGroup([...traffic.first, pruner, traffic.proxy], logger);
  return { table, traffic, group, listen: group.start };
};

/** One of several processes that serve a router's requests: does what it is told, and takes its listeners from the router. */
export const createWorker = (options: WorkerOptions): { hear(message: ToWorker): Promise<void> } => {
  const { clock, metrics, tell, exit } = options;
  const state = { healthy: true, connected: false };
  let work: Work | undefined;

  const apply = (current: Work, steps: readonly TableStep[]): void => {
    const now = clock.monotonic();
    for (const step of steps) {
      for (const { retired } of applyStep(current.table, step, now)) current.traffic.retire(retired);
    }
  };

  const listen = async ({ traffic, listen: start }: Work): Promise<void> => {
    try {
      await start();
      tell({ say: 'listening', plain: traffic.address(), tls: traffic.tlsAddress() });
    } catch (error) {
      tell(failed(error));
    }
  };

  const report = async ({ traffic }: Work, ask: number): Promise<void> => {
    const figures = traffic.figures();
    const counters = { ...traffic.counters() };
    tell({ say: 'report', ask, report: { counters, figures, metrics: await metrics.snapshot() } });
  };

  return {
    async hear(message) {
      if (message.say === 'begin') {
        try {
          work = begin(message.config, options, state);
          tell({ say: 'begun' });
        } catch (error) {
          tell(failed(error));
        }
      }
      if (message.say === 'state') Object.assign(state, message);
      if (message.say === 'stop' && !work) exit(0);
      if (!work) return;
      if (message.say === 'steps') {
        apply(work, message.steps);
        tell({ say: 'applied', at: message.at });
      }
      if (message.say === 'listen') await listen(work);
      if (message.say === 'certificates') work.traffic.replaceCertificates(message.pairs);
      if (message.say === 'renew') work.group.renew();
      if (message.say === 'report') await report(work, message.ask);
      if (message.say === 'drain') {
        await work.traffic.drain();
        tell({ say: 'drained' });
      }
      if (message.say === 'stop') {
        await work.group.stop();
        exit(0);
      }
    },
  };
};
