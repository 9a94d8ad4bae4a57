import { createToldCauses } from '../../common/model/told-causes.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import type { RouterStart, UnregisterAck } from '../../common/model/routing.js';
import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { Member } from '../../common/runtime/group.js';
import type { RouterConfig } from '../config.js';
import { readRegistration, toRouteChange } from '../core/registration.js';
import type { RegistrationProblem, RouteChange } from '../core/registration.js';
import { formatRouteKey } from '../core/route-key.js';
import { isServed } from '../core/sharding.js';
import type { Sharding } from '../core/sharding.js';
import type { TableChange } from '../core/route-table.js';
import type { RegistryMetrics } from '../metrics.js';
import type { TableFeed } from './feed.js';
import { createInbox } from './inbox.js';
import type { Inbox } from './inbox.js';

export interface RegistrarOptions {
  readonly config: RouterConfig['registrar'];
  readonly sharding: Sharding;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly feed: TableFeed;
  /** this router's name in its start message and acknowledgements */
  readonly id: string;
  readonly metrics: Pick<RegistryMetrics, 'registered' | 'unregistered'>;
}

export interface Registrar {
  readonly member: Member;
  readonly inbox: Pick<Inbox, 'waiting' | 'dropped'>;
}

const toBytes = (value: RouterStart | UnregisterAck): Uint8Array => Buffer.from(JSON.stringify(value));

const parseJson = (payload: Uint8Array): Result<unknown, RegistrationProblem> => {
  try {
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as unknown);
  } catch {
    return err({ field: '', reason: 'must be JSON' });
  }
};

const componentOf = ({ endpoint }: RouteChange): string => endpoint.tags['component'] ?? '';

/** Messages of registrars, as changes of the table. */
const createMessageHandlers = (options: RegistrarOptions) => {
  const { config, sharding, clock, logger, feed, id, metrics } = options;
  const toldClaims = createToldCauses();
  const read = ({ subject, payload }: BusMessage): RouteChange | undefined => {
    const json = parseJson(payload);
    const registration = json.ok ? readRegistration(json.value) : json;
    if (registration.ok) return toRouteChange(registration.value, config.staleThresholdSeconds);
    logger.warn('validation-error', { subject, ...registration.error });
    return undefined;
  };

  const isOurs = ({ endpoint }: RouteChange): boolean => isServed(sharding, endpoint.isolationSegment);

  const sinceChange = ({ updatedAtNs }: RouteChange): number | undefined =>
    updatedAtNs === undefined ? undefined : clock.now() - updatedAtNs / 1e6;

  /** two applications on one route may be a change of versions, or one that takes another's traffic */
  const tellClaims = ({ endpoint }: RouteChange, { claims }: TableChange): void => {
    for (const { key, owner, claimant } of claims) {
      const route = formatRouteKey(key);
      if (!toldClaims.isNew(`${route} ${owner} ${claimant}`)) continue;
      const event = config.refuseClaims ? 'route-claim-refused' : 'route-claimed';
      logger.warn(event, { route, owner, claimant, address: endpoint.address });
    }
  };

  const settle = (event: string, { endpoint, keys }: RouteChange, change: TableChange): void => {
    if (change.added + change.removed === 0) return;
    logger.debug(event, { address: endpoint.address, routes: keys.map(({ host, path }) => host + path) });
  };

  return {
    register(message: BusMessage): void {
      const change = read(message);
      if (!change || !isOurs(change)) return;
      const made = feed.register(change.endpoint, change.keys);
      metrics.registered(componentOf(change), made, sinceChange(change));
      settle('endpoint-registered', change, made);
      tellClaims(change, made);
    },
    unregister(message: BusMessage): void {
      const change = read(message);
      if (!change) return;
      const { endpoint, keys } = change;
      // once all is settled, nothing that was not written before can reach the endpoint any more
      const acknowledge = (): void => {
        if (message.expectsReply) message.respond(toBytes({ id }));
      };
      if (!isOurs(change)) return acknowledge();
      metrics.unregistered(componentOf(change));
      settle('endpoint-unregistered', change, feed.unregister(endpoint.address, keys, acknowledge));
    },
  };
};

/** Routes come over the bus: subscriptions, the greeting, and what becomes of ages when the bus is away. */
export const createRegistrar = (options: RegistrarOptions): Registrar => {
  const { config, bus, clock, logger, feed, id } = options;
  const handlers = createMessageHandlers(options);
  const inbox = createInbox({ clock, onFull: () => logger.error('messages-dropped') });
  const cancels: Cancel[] = [];

  const startMessage = (): Uint8Array =>
    toBytes({
      id,
      hosts: [...config.hosts],
      minimumRegisterIntervalInSeconds: config.registerIntervalSeconds,
      pruneThresholdInSeconds: config.staleThresholdSeconds,
    });

  const announce = (): void => {
    if (!bus.publish(SUBJECTS.routerStart, startMessage())) logger.warn('start-message-not-sent');
  };

  const onConnection = (connected: boolean): void => {
    if (!connected) {
      feed.suspend();
      logger.warn('pruning-suspended');
      return;
    }
    feed.resume();
    logger.info('pruning-resumed');
    announce();
  };

  const member: Member = {
    name: 'router-registrar',
    start() {
      cancels.push(
        bus.subscribe(SUBJECTS.routerRegister, (message) => inbox.push(handlers.register, message)),
        bus.subscribe(SUBJECTS.routerUnregister, (message) => inbox.push(handlers.unregister, message)),
        bus.subscribe(SUBJECTS.routerGreet, (message) => void message.respond(startMessage())),
        bus.onConnection(onConnection),
      );
      if (bus.connected()) announce();
      else feed.suspend();
    },
    stop() {
      for (let cancel = cancels.pop(); cancel; cancel = cancels.pop()) cancel();
      inbox.clear();
    },
  };
  return { member, inbox };
};
