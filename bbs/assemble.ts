import type { Bus } from '../common/ports/bus.js';
import type { Cancel, Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { NO_METRICS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Random } from '../common/ports/random.js';
import type { Member } from '../common/runtime/group.js';
import { createPhase, healthOf } from '../common/runtime/health.js';
import type { Health } from '../common/runtime/health.js';
import type { StoreEngine } from '../common/store/engine.js';
import type { BbsConfig } from './config.js';
import { openActive } from './controllers/active.js';
import type { Active } from './controllers/active.js';
import { openBusDoor } from './controllers/bus-door.js';
import { createHttpDoor } from './handlers/http-door.js';
import { createBbsMetrics } from './metrics.js';

export interface BbsOptions {
  config: BbsConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: Bus;
  engine: StoreEngine;
  /** none are kept when absent */
  metrics?: Metrics;
  /** the store had to step down: this BBS answers nothing right any more and should be stopped */
  onLost?: (reason: string) => void;
}

export interface Bbs {
  members: Member[];
  health(): Health;
}

const none: Cancel = () => undefined;

/** A BBS: opens its store, then listens on the bus and on its socket, and converges. */
export const assembleBbs = (options: BbsOptions): Bbs => {
  const { config, clock, bus } = options;
  const logger = options.logger.session('bbs');
  let active: Active | undefined;
  let lost = false;
  let closeBus = none;
  const phase = createPhase('bbs');
  const metrics = createBbsMetrics(options.metrics ?? NO_METRICS, {
    servedMs: () => (active === undefined || lost ? undefined : clock.monotonic() - active.since),
    observation: () => (lost ? undefined : active?.observation()),
    eventWindow: () => active?.hub.window,
  });
  const open = (): Active => {
    if (!active) throw new Error('the BBS has not been started');
    return active;
  };

  /** Whoever owns the store now is to be heard instead: on the bus, and by those who listen for events. */
  const withdraw = (): void => {
    closeBus();
    void active?.withdraw();
    http.dismiss();
  };

  const store: Member = {
    name: 'bbs-store',
    async start() {
      const onLost = (reason: string): void => {
        logger.error('lost', { reason });
        lost = true;
        withdraw();
        options.onLost?.(reason);
      };
      active = await openActive({ ...options, logger, metrics, onLost });
    },
    async stop() {
      await active?.withdraw();
      await active?.store.close();
      active = undefined;
    },
  };

  const busDoor: Member = {
    name: 'bbs-bus',
    start() {
      const { board, presence, converger } = open();
      presence.start();
      closeBus = openBusDoor({ bus, logger, board, onCapacity: converger.reauctionSoon });
    },
    stop() {
      closeBus();
      active?.presence.stop();
    },
  };

  const http = createHttpDoor({
    config,
    clock,
    logger,
    board: () => (lost ? undefined : open().board),
    hub: () => open().hub,
    store: () => (lost ? undefined : open().store),
    metrics,
  });
  const converger: Member = {
    name: 'bbs-converger',
    start: () => open().converger.start(),
    stop: () => active?.converger.stop(),
  };
  return {
    members: [store, busDoor, http, converger, phase.member],
    health() {
      const connected = bus.connected();
      const against = [phase.whyNot(), lost && 'the store is lost', !connected && 'the bus is not connected'];
      return healthOf([...against, active?.store.trouble() ?? false, bus.denied()], {
        active: active !== undefined && !lost,
        bus: connected,
      });
    },
  };
};
