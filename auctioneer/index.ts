export type { Auction, LrpAuction, TaskAuction } from './core/auction.js';
export { decide } from './core/decide.js';
export type { NearestMiss, Refusal } from './core/bids.js';
export type { Decision, DecisionInput, Failure, Placement } from './core/decide.js';
export { DEFAULT_POLICY } from './core/policy.js';
export type { Policy, Strategy } from './core/policy.js';
