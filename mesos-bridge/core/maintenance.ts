import type { InverseOffer, Unavailability } from './offer.js';

export interface MaintenanceOptions {
  /** ms before the start of a window from which an agent takes no more work */
  readonly closedBeforeMs: number;
  /** ms before the start of a window from which what runs on the agent is moved */
  readonly leaveBeforeMs: number;
}

export const MAINTENANCE_DEFAULTS: MaintenanceOptions = { closedBeforeMs: 3_600_000, leaveBeforeMs: 300_000 };

/** On the monotonic clock, ms. */
interface Window {
  readonly from: number;
  /** Infinity = for ever */
  readonly until: number;
}

export interface Moment {
  /** ms, monotonic */
  readonly now: number;
  /** ms since 1970: what the master's times are compared with */
  readonly wall: number;
}

/** When agents are taken out of service, as offers and inverse offers say. */
export interface Maintenance {
  /** the newest word on an agent; undefined = in service for all that is known */
  announce(agentId: string, unavailability: Unavailability | undefined, at: Moment): void;
  inverse(offer: InverseOffer, at: Moment): void;
  /** true when there was such an inverse offer */
  rescind(inverseOfferId: string): boolean;
  forget(): void;
  /** why that agent takes no work now; undefined = it may */
  closed(agentId: string, now: number): string | undefined;
  /** agents that are to be left by now */
  leaving(now: number): string[];
}

const windowOf = ({ startMs, durationMs = Infinity }: Unavailability, { now, wall }: Moment): Window => {
  const from = now + (startMs - wall);
  return { from, until: from + durationMs };
};

const minutes = (ms: number): string => `${Math.max(1, Math.round(ms / 60_000))} min`;

export const createMaintenance = (options: MaintenanceOptions): Maintenance => {
  const windows = new Map<string, Window>();
  const inverse = new Map<string, string>();

  return {
    announce(agentId, unavailability, at) {
      if (unavailability === undefined) windows.delete(agentId);
      else windows.set(agentId, windowOf(unavailability, at));
    },
    inverse({ id, agentId, unavailability }, at) {
      inverse.set(id, agentId);
      windows.set(agentId, windowOf(unavailability, at));
    },
    rescind(id) {
      const agentId = inverse.get(id);
      if (agentId === undefined) return false;
      inverse.delete(id);
      windows.delete(agentId);
      return true;
    },
    forget() {
      windows.clear();
      inverse.clear();
    },
    closed(agentId, now) {
      const window = windows.get(agentId);
      if (window === undefined || now >= window.until || now < window.from - options.closedBeforeMs)
        return undefined;
      return now >= window.from
        ? 'its maintenance has begun'
        : `its maintenance begins in ${minutes(window.from - now)}`;
    },
    leaving: (now) =>
      [...windows]
        .filter(([, { from, until }]) => now >= from - options.leaveBeforeMs && now < until)
        .map(([agentId]) => agentId),
  };
};
