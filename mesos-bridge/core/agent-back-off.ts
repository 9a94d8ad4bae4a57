export interface BackOffOptions {
  /** ms for which an agent rests after an executor failed to start there; doubles with each failure */
  readonly backOffMs: number;
  readonly longestBackOffMs: number;
}

interface Rest {
  readonly failures: number;
  readonly until: number;
}

/** Agents where executors fail to start rest, for longer each time, until one has started. */
export interface BackOff {
  failed(agentId: string, now: number): void;
  reset(agentId: string): void;
  /** ms, monotonic; undefined = it does not rest */
  until(agentId: string, now: number): number | undefined;
}

export const createBackOff = ({ backOffMs, longestBackOffMs }: BackOffOptions): BackOff => {
  const rests = new Map<string, Rest>();
  return {
    failed(agentId, now) {
      const before = rests.get(agentId);
      // several tasks, and the executor's own end, tell of one failure
      if (before !== undefined && now < before.until) return;
      const failures = (before?.failures ?? 0) + 1;
      const wait = Math.min(backOffMs * 2 ** (failures - 1), longestBackOffMs);
      rests.set(agentId, { failures, until: now + wait });
    },
    reset: (agentId) => void rests.delete(agentId),
    until(agentId, now) {
      const until = rests.get(agentId)?.until;
      return until !== undefined && now < until ? until : undefined;
    },
  };
};
