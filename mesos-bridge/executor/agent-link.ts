import type { ExecutorCallSubscribe, ExecutorEvent, TaskStatus } from '../protocol/messages.js';

/** What the executor's driver hears of its agent. */
export interface AgentEvents {
  /** what is to be said at each subscription */
  subscription(): ExecutorCallSubscribe;
  /** the first one is SUBSCRIBED; in order */
  event(event: ExecutorEvent): void;
  /** the subscription has ended; another is attempted, where the framework checkpoints */
  disconnected(): void;
  /** the agent is gone, and nobody waits for it any more */
  lost(reason: string): void;
}

/** Port: the executor's end of the agent's API. */
export interface AgentLink {
  start(events: AgentEvents): void;
  /** nothing is said or heard any more */
  stop(): Promise<void>;
  /** false: the agent has not taken it */
  update(status: TaskStatus): Promise<boolean>;
  /** to the scheduler, as far as it listens: what is lost is not repeated */
  message(data: Uint8Array): Promise<boolean>;
}
