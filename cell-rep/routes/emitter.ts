import type { RouteRegistration } from '../../common/model/routing.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { RoutableInstance } from '../core/route-plan.js';
import { EMISSION, registrationKey, registrations } from '../core/route-plan.js';
import type { RouteMetrics } from '../metrics.js';
import { createRouters } from './routers.js';

export interface RouteEmitter {
  start(): void;
  stop(): void;
  /** registers an instance, or tells what has changed about it: routes that are no more are unregistered */
  put(instance: RoutableInstance): void;
  /** unregisters; resolves when every known router has dropped it, or the time for that is over */
  remove(instanceGuid: string): Promise<void>;
  /** whether an instance has at least one registration */
  isRegistered(instanceGuid: string): boolean;
  /** registrations that are in force */
  routes(): number;
}

export interface RouteEmitterOptions {
  bus: Bus;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** ms that routers may take to acknowledge an unregistration */
  ackTimeoutMs: number;
  /** part of the interval by which answers to a router's start are spread; Diego's 0.2, 0 on a single machine */
  startJitter: number;
  metrics: RouteMetrics;
}

type Registrations = Map<string, RouteRegistration>;

const encode = (registration: RouteRegistration): Uint8Array => Buffer.from(JSON.stringify(registration));

const differing = (before: Registrations, after: Registrations): RouteRegistration[] =>
  [...after]
    .filter(([key, one]) => JSON.stringify(before.get(key)) !== JSON.stringify(one))
    .map(([, one]) => one);

/** Unregistrations that not every router has confirmed are repeated, as Diego repeats them. */
const createRepetitions = (
  unregister: (registration: RouteRegistration) => void,
  isServed: (key: string) => boolean,
) => {
  const gone = new Map<string, { registration: RouteRegistration; left: number }>();
  return {
    add: (registration: RouteRegistration): void =>
      void gone.set(registrationKey(registration), { registration, left: EMISSION.repeatUnregisterTimes }),
    drop: (registration: RouteRegistration): void => void gone.delete(registrationKey(registration)),
    run(): void {
      for (const [key, one] of gone) {
        // the same endpoint may serve the same route again by now
        if (one.left === 0 || isServed(key)) gone.delete(key);
        else unregister(one.registration);
        one.left -= 1;
      }
    },
  };
};

/** Diego's route emitter in local mode, for one cell: what runs here is registered, again and again. */
export const createRouteEmitter = (options: RouteEmitterOptions): RouteEmitter => {
  const { bus, clock, random, logger, metrics } = options;
  const instances = new Map<string, Registrations>();
  const send = (subject: string, registration: RouteRegistration): void => {
    if (bus.publish(subject, encode(registration))) metrics.emitted(1);
  };
  const repetitions = createRepetitions(
    (registration) => send(SUBJECTS.routerUnregister, registration),
    (key) => [...instances.values()].some((all) => all.has(key)),
  );
  const cancels: Cancel[] = [];
  let nextRound: Cancel | undefined;

  const register = (registration: RouteRegistration): void => send(SUBJECTS.routerRegister, registration);

  const emitAll = (): void => {
    const all = [...instances.values()].flatMap((registered) => [...registered.values()]);
    for (const registration of all) register(registration);
    metrics.synced(all.length);
    if (all.length > 0) logger.debug('emitted-registrations', { messages: all.length });
  };

  const arm = (ms: number): void => {
    nextRound?.();
    nextRound = clock.after(ms, () => {
      emitAll();
      arm(routers.intervalMs());
    });
  };

  const routers = createRouters({
    bus,
    clock,
    logger,
    ackTimeoutMs: options.ackTimeoutMs,
    // spread, so that a router that starts is not hit by all cells at once
    onStart: () => arm(routers.intervalMs() * options.startJitter * random.fraction()),
  });

  /** never rejects */
  const unregister = async (registration: RouteRegistration): Promise<void> => {
    metrics.unregistered(1);
    try {
      const { sent, acked } = routers.gatherAcks(SUBJECTS.routerUnregister, encode(registration));
      if (sent) metrics.emitted(1);
      if (await acked) return;
    } catch (error) {
      logger.error('failed-to-unregister', { error });
    }
    repetitions.add(registration);
  };

  return {
    start() {
      routers.start();
      cancels.push(clock.every(EMISSION.repeatUnregisterMs, repetitions.run));
      cancels.push(bus.onConnection((connected) => connected && emitAll()));
      arm(routers.intervalMs());
    },
    stop() {
      nextRound?.();
      for (const cancel of cancels.splice(0)) cancel();
      routers.stop();
    },
    put(instance) {
      const before = instances.get(instance.instanceGuid) ?? new Map<string, RouteRegistration>();
      const after: Registrations = new Map(registrations(instance).map((one) => [registrationKey(one), one]));
      instances.set(instance.instanceGuid, after);
      const changed = differing(before, after);
      metrics.registered(changed.length);
      for (const registration of changed) {
        repetitions.drop(registration);
        register(registration);
      }
      for (const [key, registration] of before) if (!after.has(key)) void unregister(registration);
    },
    async remove(instanceGuid) {
      const registered = instances.get(instanceGuid);
      instances.delete(instanceGuid);
      if (registered !== undefined) await Promise.all([...registered.values()].map(unregister));
    },
    isRegistered: (instanceGuid) => (instances.get(instanceGuid)?.size ?? 0) > 0,
    routes: () => [...instances.values()].reduce((sum, { size }) => sum + size, 0),
  };
};
