/** A component as a process of its own: what its main needs beside the component. */
import { keepAlive } from '../adapters/keep-alive.js';
import { createLogSink } from '../adapters/log-sink.js';
import { readNatsAccess } from '../adapters/nats-access.js';
import { createNatsBus } from '../adapters/nats-bus.js';
import { createPinoLogger } from '../adapters/pino-logger.js';
import { createSystemClock } from '../adapters/system-clock.js';
import { createSystemRandom } from '../adapters/system-random.js';
import { OutcryError } from '../model/errors.js';
import { COMPONENTS } from '../model/well-known.js';
import type { Component } from '../model/well-known.js';
import type { Bus } from '../ports/bus.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { NO_METRICS } from '../ports/metrics.js';
import type { Metrics } from '../ports/metrics.js';
import type { Random } from '../ports/random.js';
import { createAdminServer } from './admin.js';
import type { AdminPages } from './admin.js';
import { configError } from './config.js';
import type { Config } from './config.js';
import { readConfig, readTopKey } from './config-file.js';
import type { Prepare } from './config-file.js';
import { closingMember, createGroup } from './group.js';
import type { Member } from './group.js';
import type { Health } from './health.js';
import type { ProcessConfig } from './process-config.js';
import { runUntilSignal } from './signals.js';
import type { EndSignal } from './signals.js';

/** What every component is given. */
export interface Ground {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly bus: Bus;
  readonly metrics: Metrics;
}

export interface AssembledComponent {
  readonly members: readonly Member[];
  health(): Health;
  /** what its operator may ask of it at the admin listener, besides health and metrics */
  readonly adminPages?: AdminPages;
  /** rejects when the component can do nothing right any more */
  readonly lost?: Promise<never>;
  /** what SIGUSR1 asks for: leaves its work in good order, and resolves when it may be stopped */
  drain?(): Promise<void>;
  /** resolves when the component has done all that it was there for */
  readonly done?: Promise<void>;
}

/** For a component that lives by its store: what it tells of the loss, and what its process ends with then. */
export const createStoreLoss = (what: string): { onLost(reason: string): void; lost: Promise<never> } => {
  let lose: (error: Error) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => (lose = reject));
  return { lost, onLost: (reason) => lose(new Error(`${what} has lost its store: ${reason}`)) };
};

/** What a component's main.ts exports. */
export interface ComponentMain<C extends { process: ProcessConfig } = { process: ProcessConfig }> {
  readonly component: Component;
  /** of its configuration file */
  readonly config: Config<C>;
  /** fills in what only this machine can say */
  readonly prepare?: Prepare;
  /** builds its adapters and parts; nothing is started yet */
  assemble(config: C, ground: Ground): AssembledComponent | Promise<AssembledComponent>;
}

/** One thing is wrong with another component's file, not each of its keys. */
const checkOwner = ({ component }: ComponentMain, path: string): void => {
  const found = COMPONENTS.find((one) => one === readTopKey(path, 'component'));
  if (found === undefined || found === component) return;
  throw new OutcryError('CONFIG_OF_ANOTHER_COMPONENT', { path, found, wanted: component });
};

/** Reads and checks `file`. CONFIG_INVALID, with file, line and field, when something is wrong in it. */
const loadConfig = (main: ComponentMain, file: string): { process: ProcessConfig } => {
  checkOwner(main, file);
  const result = readConfig(file, main.config, main.prepare);
  if (!result.ok) throw configError(result.error);
  return result.value;
};

const connect = (
  { process: config }: { process: ProcessConfig },
  ground: Omit<Ground, 'bus' | 'metrics'>,
): { bus: Bus; member: Member } => {
  const access = readNatsAccess(config.natsFile);
  const bus = createNatsBus({ ...access, ...ground, name: access.credentials.user });
  return { bus, member: closingMember('bus', bus) };
};

/** What listens where its configuration says that health and metrics are asked for. */
interface Admin {
  readonly metrics: Metrics;
  /** to start before all others, so that it tells of them */
  members(of: Pick<AssembledComponent, 'health' | 'adminPages'>): Member[];
}

const NEVER = new Promise<never>(() => undefined);

/** The library behind the metrics takes 10 MB: it is loaded only where somebody may ask. */
const openAdmin = async (
  { component, admin: address }: ProcessConfig,
  { clock, logger }: Pick<Ground, 'clock' | 'logger'>,
): Promise<Admin> => {
  if (address === undefined) return { metrics: NO_METRICS, members: () => [] };
  const { createPrometheusMetrics } = await import('../adapters/prometheus-metrics.js');
  const metrics = createPrometheusMetrics({ logger, process: true });
  return {
    metrics,
    members: ({ health, adminPages: pages }) => [
      createAdminServer({ address, what: component, clock, logger, metrics, health, pages }),
    ],
  };
};

/**
 * Runs one component until a signal, or until it is lost; SIGHUP has it read its certificates again. Members start in order: the bus connects in the background
 * and for as long as it takes, so that no component waits for another to be started first.
 */
export const runComponent = async (main: ComponentMain, file: string): Promise<EndSignal | 'done'> => {
  // databases, sockets and logs are nobody else's to read
  process.umask(0o077);
  const config = loadConfig(main, file);
  const { level } = config.process.log;
  const sink = createLogSink(config.process.log);
  const logger = createPinoLogger({ level, destination: sink });
  const rest = keepAlive();
  const ground = { clock: createSystemClock({ logger }), random: createSystemRandom(), logger };
  let closeBus = (): Promise<void> => Promise.resolve();
  try {
    const { bus, member } = connect(config, ground);
    closeBus = bus.close;
    const { metrics, members: admin } = await openAdmin(config.process, ground);
    const assembled = await main.assemble(config, { ...ground, bus, metrics });
    const { members, lost, done } = assembled;
    const until = Promise.race([lost ?? NEVER, done ?? NEVER]);
    const group = createGroup([...admin(assembled), member, ...members], logger);
    const end = await runUntilSignal(group, {
      logger,
      onHangup: group.renew,
      onDrain: assembled.drain,
      until,
    });
    logger.info('exited');
    return end;
  } catch (error) {
    logger.error('exited-with-failure', { error });
    throw error;
  } finally {
    // one that failed before its members started has stopped none of them, and this one would connect for ever
    await closeBus();
    rest();
    sink.close();
  }
};
