export type { Auction, LrpAuction, TaskAuction } from './core/auction.js';
export { decide } from './core/decide.js';
export type { Decision, DecisionInput, Failure, NearestMiss, Placement } from './core/decide.js';
export { DEFAULT_POLICY } from './core/policy.js';
export type { Policy } from './core/policy.js';
