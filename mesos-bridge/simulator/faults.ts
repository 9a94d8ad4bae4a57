import type { Draft, SchedulerEvent } from '../protocol/messages.js';
import type { Fate } from './lane.js';
import type { AgentMessage, MasterMessage } from './link.js';

/** Switches by which tests break a simulated Mesos. All are read each time, and may be turned at any moment. */
export interface Faults {
  /**
   * Agents, by id, that nothing reaches and nobody hears, without their connections breaking: as with TCP, what is under
   * way arrives after all if the connection outlives the cut, and no new one can be made meanwhile.
   */
  readonly partitioned: Set<string>;
  toAgent: ((agentId: string, message: MasterMessage) => Fate) | undefined;
  fromAgent: ((agentId: string, message: AgentMessage) => Fate) | undefined;
  toScheduler: ((frameworkId: string, event: Draft<SchedulerEvent>) => Fate) | undefined;
  /** the next so many SUBSCRIBEs are answered like this; 307 leads to `location` (`host:port`) */
  readonly refuseSubscribe: { times: number; status: 503 | 307; location: string };
}

export const createFaults = (): Faults => ({
  partitioned: new Set(),
  toAgent: undefined,
  fromAgent: undefined,
  toScheduler: undefined,
  refuseSubscribe: { times: 0, status: 503, location: '' },
});
