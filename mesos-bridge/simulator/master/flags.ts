import type { DomainInfo } from '../../protocol/messages.js';

/** How a simulated master behaves; named and defaulted as the flags of mesos-master. Times in ms. */
export interface MasterFlags {
  readonly allocationIntervalMs: number;
  /** unset: offers live until they are used, declined or lost */
  readonly offerTimeoutMs?: number;
  /** an agent's rest is offered when it holds one of these, each a set of scalars */
  readonly minAllocatable: readonly Readonly<Record<string, number>>[];
  readonly agentPingTimeoutMs: number;
  readonly maxAgentPingTimeouts: number;
  /** for agents that a new master has only read of in its registry */
  readonly agentReregisterTimeoutMs: number;
  /** at least so long between two removals of agents that missed their pings; unset: no limit */
  readonly agentRemovalIntervalMs?: number;
  readonly heartbeatMs: number;
  readonly maxCompletedFrameworks: number;
  readonly maxCompletedTasksPerFramework: number;
  readonly maxUnreachableTasksPerFramework: number;
  readonly maxOperatorSubscribers: number;
  readonly rootSubmissions: boolean;
  readonly filterGpuResources: boolean;
  /** unset: every valid role may be subscribed to */
  readonly roles?: readonly string[];
  readonly domain?: DomainInfo;
}

export const DEFAULT_FLAGS: MasterFlags = {
  allocationIntervalMs: 1_000,
  minAllocatable: [{ cpus: 0.01 }, { mem: 32 }],
  agentPingTimeoutMs: 15_000,
  maxAgentPingTimeouts: 5,
  agentReregisterTimeoutMs: 600_000,
  heartbeatMs: 15_000,
  maxCompletedFrameworks: 50,
  maxCompletedTasksPerFramework: 1_000,
  maxUnreachableTasksPerFramework: 1_000,
  maxOperatorSubscribers: 1_000,
  rootSubmissions: true,
  filterGpuResources: true,
};
