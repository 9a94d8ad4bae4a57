import type { BbsEvent } from '../../common/model/events.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { StoreEngine } from '../../common/store/engine.js';
import { openGroupStore } from '../../common/store/group-store.js';
import type { BbsConfig } from '../config.js';
import { decided } from '../core/decision.js';
import { clampDomains } from '../core/domains.js';
import { endedLease } from '../core/leases.js';
import { measureEngine } from '../store/measured-engine.js';
import { BBS_SCHEMA, BBS_SPECS } from '../store/schema.js';
import type { BbsStore, BbsTables, Emission } from '../store/schema.js';
import { createHttpCallbacks } from '../http-callbacks.js';
import type { BbsMetrics } from '../metrics.js';
import { createAppLog } from './app-log.js';
import { createBoard } from './board.js';
import type { Board } from './board.js';
import { createCallbacks } from './callbacks.js';
import { createConverger } from './converger.js';
import type { Converger } from './converger.js';
import { createEffects } from './effects.js';
import type { Effects } from './effects.js';
import { createEventHub } from './event-hub.js';
import type { EventHub } from './event-hub.js';
import { createHearing } from './hearing.js';
import { createHistory } from './history.js';
import { observe } from './observation.js';
import type { Observation } from './observation.js';
import { createPresence } from './presence.js';
import type { Presence } from './presence.js';
import { values } from './rows.js';
import { createTransactions } from './transactions.js';
import type { Transactions } from './transactions.js';

export interface ActiveOptions {
  config: BbsConfig;
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: Bus;
  engine: StoreEngine;
  metrics: BbsMetrics;
  onLost(reason: string): void;
}

/** The parts of a BBS that owns its store. */
export interface Active {
  store: BbsStore;
  board: Board;
  presence: Presence;
  converger: Converger;
  hub: EventHub;
  /** when it came to own its store; monotonic ms */
  since: number;
  /** the board in numbers, as it is now */
  observation(): Observation;
  /** nothing of its own accord begins any more; resolves when what was under way has ended */
  withdraw(): Promise<void>;
}

interface Told {
  converger: Converger;
  hub: EventHub;
  effects: Effects;
  metrics: BbsMetrics;
}

/** What a commit gave out goes to subscribers, bus, auctioneer and reps, in that order. */
const tellCommits = (store: BbsStore, { converger, hub, effects, metrics }: Told): void => {
  store.onCommit((emissions) => {
    const told: BbsEvent[] = [];
    const sent: { effect: Extract<Emission, { effect: unknown }>['effect']; traceId: string }[] = [];
    for (const emission of emissions) {
      if ('effect' in emission) sent.push(emission);
      else if ('event' in emission) {
        const { event } = emission;
        converger.follow(event);
        metrics.committed(event);
        told.push(event);
        if (event.kind === 'task_changed' && event.after.state !== 'Pending') {
          effects.forget(event.after.taskGuid);
        }
      }
    }
    hub.publish(told);
    effects.send(sent);
  });
};

/** Cells that come and go are told, and what they held is converged at once. */
const followCells = ({ presence, converger, hub }: Pick<Active, 'presence' | 'converger' | 'hub'>): void => {
  presence.listen({
    appeared(cellId, anew) {
      if (anew) hub.publish([{ kind: 'cell_appeared', traceId: '', cellId }]);
      converger.cells([cellId]);
      converger.reauctionSoon();
    },
    disappeared(cellIds) {
      hub.publish(cellIds.map((cellId) => ({ kind: 'cell_disappeared', traceId: '', cellId })));
      converger.cells(cellIds);
    },
    lost: (cellIds) => converger.tasksOf(cellIds),
  });
};

const forgetLeases = async (store: BbsStore, transactions: Transactions): Promise<void> => {
  const held = [...values(store.committed.leases)].filter((row) => row.owner !== '');
  if (held.length === 0) return;
  await transactions.run('forget-leases', '', () =>
    decided(undefined, { changes: held.map((row) => ({ table: 'leases', put: endedLease(row) })) }),
  );
};

const clampFreshness = async (store: BbsStore, transactions: Transactions): Promise<void> => {
  if (store.committed.domains.count() === 0) return;
  await transactions.run('clamp-domains', '', (tables, ctx) =>
    decided(undefined, { changes: clampDomains(values(tables.domains), ctx.steadyNow) }),
  );
};

/** Opens the store and puts the board on it. Nothing is served and nothing runs yet. */
export const openActive = async (options: ActiveOptions): Promise<Active> => {
  const { config, clock, logger, bus, engine, metrics } = options;
  const history = createHistory(config);
  const { journal } = history;
  const store = await openGroupStore<BbsTables, Emission>({
    engine: measureEngine(engine, { clock, storing: metrics.storing }),
    schema: BBS_SCHEMA,
    specs: BBS_SPECS,
    logger,
    journal,
  });
  store.onLost(options.onLost);
  metrics.elected();
  const parts = { ...options, store };
  const transactions = createTransactions(parts);
  if (config.forgetLeasesOnStart) await forgetLeases(store, transactions);
  await clampFreshness(store, transactions);
  const presence = createPresence({ ...parts, transactions, hearing: createHearing({ clock, bus }) });
  const converger = createConverger({ ...parts, transactions, presence });
  const callbacks = createCallbacks({
    ...parts,
    transactions,
    sender: createHttpCallbacks({ allowedHosts: config.callbackHosts, timeoutMs: config.callbackTimeoutMs }),
    workers: config.callbackWorkers,
    onDone: metrics.callback,
  });
  const effects = createEffects({
    bus,
    logger,
    config,
    onUnheard: converger.reauctionLater,
    onHeard: converger.heard,
    converge: converger.soon,
    callback: callbacks.submit,
  });
  const hub = createEventHub({
    bus,
    logger,
    epoch: store.epoch,
    window: { events: config.eventWindow, bytes: config.eventWindowBytes },
    actualLrps: store.committed.actual_lrps,
  });
  tellCommits(store, { converger, hub, effects, metrics });
  followCells({ presence, converger, hub });
  const appLog = createAppLog({ bus, clock, logger });
  const board = createBoard({ ...parts, transactions, presence, appLog, history, rejections: effects });
  return {
    store,
    board,
    presence,
    converger,
    hub,
    since: clock.monotonic(),
    observation: () => observe(store, transactions),
    async withdraw() {
      presence.stop();
      effects.stop();
      await Promise.all([converger.stop(), callbacks.stop()]);
    },
  };
};
