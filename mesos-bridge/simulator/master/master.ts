/** A simulated Mesos master as a state machine: time, chance and connections are handed in. */
import type { Clock } from '../../../common/ports/clock.js';
import type { Random } from '../../../common/ports/random.js';
import { giveUpRecovered } from './agent-loss.js';
import type { MasterFlags } from './flags.js';
import { DEFAULT_FLAGS } from './flags.js';
import { startPings } from './pings.js';
import { tick } from './runs.js';
import type { Allocation, Master, MasterAddress, Registry } from './state.js';

export interface MasterOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** where it tells others to find it */
  readonly address: MasterAddress;
  /** what earlier masters left; shared by the masters of a cluster */
  readonly registry?: Registry;
  readonly flags?: Partial<MasterFlags>;
}

export const createRegistry = (): Registry => ({
  admitted: new Map(),
  unreachable: new Map(),
  gone: new Map(),
  schedule: { windows: [] },
  down: new Map(),
  drains: new Map(),
  deactivated: new Set(),
});

const newAllocation = (clock: Clock): Allocation => ({
  candidates: new Set(),
  urgent: new Set(),
  expiries: new Map(),
  tick: 0,
  startedAt: clock.monotonic(),
  cluster: new Map(),
  roles: new Map(),
  active: new Map(),
  scheduled: false,
});

/** Agents that were out of reach before stay so: only those that were in reach are waited for. */
const recoveredFrom = ({ admitted, unreachable, gone }: Registry): Master['recovered'] =>
  new Map([...admitted].filter(([id]) => !unreachable.has(id) && !gone.has(id)));

const startTimers = (m: Master): void => {
  const { clock, flags } = m;
  m.cancels.add(clock.every(flags.allocationIntervalMs, () => tick(m)));
  m.cancels.add(startPings(m));
  if (m.recovered.size === 0) return;
  m.cancels.add(
    clock.after(flags.agentReregisterTimeoutMs, () => {
      for (const id of m.recovered.keys()) giveUpRecovered(m, id);
    }),
  );
};

/** A master that leads from now on, and knows only what is in the registry. */
export const createMaster = (options: MasterOptions): Master => {
  const { clock, random, address, registry = createRegistry() } = options;
  const m: Master = {
    id: random.uuid(),
    flags: { ...DEFAULT_FLAGS, ...options.flags },
    clock,
    random,
    address,
    registry,
    startedAtMs: clock.now(),
    frameworks: new Map(),
    completed: new Map(),
    agents: new Map(),
    byPid: new Map(),
    recovered: recoveredFrom(registry),
    maintained: new Set(),
    offers: new Map(),
    inverseOffers: new Map(),
    subscribers: new Set(),
    allocation: newAllocation(clock),
    counters: { frameworks: 0, agents: 0, offers: 0 },
    lastRemoval: undefined,
    cancels: new Set(),
    connections: new Set(),
    ended: false,
  };
  startTimers(m);
  return m;
};

/** It stops as a process does that is killed: nobody is told, connections just end. */
export const endMaster = (m: Master): void => {
  m.ended = true;
  for (const cancel of m.cancels) cancel();
  for (const framework of m.frameworks.values()) {
    framework.failover?.();
    framework.stream?.stopHeartbeats();
  }
  for (const subscriber of m.subscribers) subscriber.stopHeartbeats();
  for (const offer of m.offers.values()) offer.timeout?.();
  for (const agent of m.agents.values()) agent.pinging.removal?.();
  for (const hangUp of m.connections) hangUp();
};
