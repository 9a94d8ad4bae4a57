import type { RouteRegistration } from '../../common/model/routing.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { RoutableInstance } from '../core/route-plan.js';
import { EMISSION, registrationKey, registrations } from '../core/route-plan.js';
import { createRouters } from './routers.js';

export interface RouteEmitter {
  start(): void;
  stop(): void;
  /** registers an instance, or tells what has changed about it: routes that are no more are unregistered */
  put(instance: RoutableInstance): void;
  /** unregisters; resolves when every known router has dropped it, or the time for that is over */
  remove(instanceGuid: string): Promise<void>;
  /** instances with at least one registration */
  registered(): string[];
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
}

interface Gone {
  registration: RouteRegistration;
  /** repetitions left */
  left: number;
}

type Registrations = Map<string, RouteRegistration>;

const encode = (registration: RouteRegistration): Uint8Array => Buffer.from(JSON.stringify(registration));

/** Diego's route emitter in local mode, for one cell: what runs here is registered, again and again. */
export const createRouteEmitter = (options: RouteEmitterOptions): RouteEmitter => {
  const { bus, clock, random, logger } = options;
  const instances = new Map<string, Registrations>();
  /** unregistrations that nobody has confirmed, by key */
  const gone = new Map<string, Gone>();
  const cancels: Cancel[] = [];
  let nextRound: Cancel | undefined;

  const register = (registration: RouteRegistration): void =>
    void bus.publish(SUBJECTS.routerRegister, encode(registration));

  const emitAll = (): void => {
    let messages = 0;
    for (const registered of instances.values()) {
      for (const registration of registered.values()) register(registration);
      messages += registered.size;
    }
    if (messages > 0) logger.debug('emitted-registrations', { messages });
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

  const isRegistered = (key: string): boolean =>
    [...instances.values()].some((registered) => registered.has(key));

  const unregister = async (registration: RouteRegistration): Promise<void> => {
    const acked = await routers.gatherAcks(SUBJECTS.routerUnregister, encode(registration));
    if (!acked)
      gone.set(registrationKey(registration), { registration, left: EMISSION.repeatUnregisterTimes });
  };

  const repeatUnregistrations = (): void => {
    for (const [key, one] of gone) {
      // the same endpoint may serve the same route again by now
      if (one.left === 0 || isRegistered(key)) gone.delete(key);
      else bus.publish(SUBJECTS.routerUnregister, encode(one.registration));
      one.left -= 1;
    }
  };

  const differing = (before: Registrations, after: Registrations): RouteRegistration[] =>
    [...after]
      .filter(([key, one]) => JSON.stringify(before.get(key)) !== JSON.stringify(one))
      .map(([, one]) => one);

  return {
    start() {
      routers.start();
      cancels.push(clock.every(EMISSION.repeatUnregisterMs, repeatUnregistrations));
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
      for (const registration of differing(before, after)) {
        gone.delete(registrationKey(registration));
        register(registration);
      }
      for (const [key, registration] of before) if (!after.has(key)) void unregister(registration);
    },
    async remove(instanceGuid) {
      const registered = instances.get(instanceGuid);
      instances.delete(instanceGuid);
      if (registered !== undefined) await Promise.all([...registered.values()].map(unregister));
    },
    registered: () => [...instances].filter(([, registered]) => registered.size > 0).map(([guid]) => guid),
  };
};
