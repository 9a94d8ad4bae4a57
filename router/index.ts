export type { RouterConfig } from './config.js';
export type { EndpointSnapshot, RouteSnapshot } from './core/route-table.js';
export type { RouterCounters } from './proxy/counters.js';
export type { RouteRegistration, RouterStart, UnregisterAck } from '../common/model/routing.js';
