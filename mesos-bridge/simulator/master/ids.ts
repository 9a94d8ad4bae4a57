import type { Master } from './state.js';

/** `<master>-0007`, `<master>-S3`, `<master>-O12`: offers and inverse offers draw from one counter. */
export const nextFrameworkId = (m: Master): string =>
  `${m.id}-${String(m.counters.frameworks++).padStart(4, '0')}`;
export const nextAgentId = (m: Master): string => `${m.id}-S${m.counters.agents++}`;
export const nextOfferId = (m: Master): string => `${m.id}-O${m.counters.offers++}`;

/** Of a task or executor among those of one agent. */
export const placeKey = (frameworkId: string, id: string): string => `${frameworkId}\u0000${id}`;

export const nanosecondsOf = (ms: number): bigint => BigInt(Math.round(ms * 1e6));
