/** A connection that nobody uses at the moment may be closed. */
export interface IdleConnection {
  /** of the upstream that it leads to */
  readonly group: IdleGroup;
  closeIdle(): void;
}

export interface IdleGroup {
  /** idle connections */
  count: number;
}

export interface IdleRules {
  /** idle connections to all upstreams, and to one; 0 = no limit */
  readonly total: number;
  readonly perUpstream: number;
}

/** Has no more connections idle than allowed, as Go's HTTP transport does below gorouter. */
export interface IdleLimit {
  freed(connection: IdleConnection): void;
  /** it is used again, or is closed */
  taken(connection: IdleConnection): void;
}

export const createIdleLimit = ({ total, perUpstream }: IdleRules): IdleLimit => {
  /** the one that has been idle for longest comes first */
  const idle = new Set<IdleConnection>();

  const taken = (connection: IdleConnection): void => {
    if (idle.delete(connection)) connection.group.count -= 1;
  };

  const closeOldest = (): void => {
    for (const oldest of idle) {
      taken(oldest);
      oldest.closeIdle();
      return;
    }
  };

  return {
    taken,
    freed(connection) {
      if (perUpstream > 0 && connection.group.count >= perUpstream) {
        connection.closeIdle();
        return;
      }
      idle.add(connection);
      connection.group.count += 1;
      if (total > 0 && idle.size > total) closeOldest();
    },
  };
};
