/** What a router and its workers say to each other. Channels keep the order of what is sent. */
import type { ErrorCode, ErrorDetails } from '../../common/model/errors.js';
import type { LogFields } from '../../common/ports/logger.js';
import type { RouterConfig } from '../config.js';
import type { Endpoint } from '../core/endpoint.js';
import type { RouteKey } from '../core/route-key.js';
import type { KeyPair } from '../proxy/certificates.js';
import type { RouterCounters } from '../proxy/counters.js';
import type { FiguresSnapshot } from '../status/figures.js';

export type TableStep =
  | { readonly do: 'register'; readonly endpoint: Endpoint; readonly keys: readonly RouteKey[] }
  /** `evict` leaves the route, where it was the last */
  | { readonly do: 'unregister' | 'evict'; readonly address: string; readonly keys: readonly RouteKey[] };

export interface WorkerReport {
  readonly counters: RouterCounters;
  readonly figures: FiguresSnapshot;
  /** for `Metrics.include` */
  readonly metrics: unknown;
}

export type ToWorker =
  | { readonly say: 'begin'; readonly config: RouterConfig }
  /** `at` is the number of the last step */
  | { readonly say: 'steps'; readonly steps: readonly TableStep[]; readonly at: number }
  | { readonly say: 'state'; readonly healthy: boolean; readonly connected: boolean }
  | { readonly say: 'report'; readonly ask: number }
  | { readonly say: 'certificates'; readonly pairs: readonly KeyPair[] }
  | { readonly say: 'listen' | 'renew' | 'drain' | 'stop' };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface KnownError {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
}

export type WorkerAddress = { host: string; port: number } | undefined;

export type FromWorker =
  | { readonly say: 'hello' | 'begun' | 'drained' }
  | { readonly say: 'listening'; readonly plain: WorkerAddress; readonly tls: WorkerAddress }
  /** it could not begin, or not listen; `known` where that is an error of the project's own */
  | {
      readonly say: 'failed';
      readonly reason: string;
      readonly known: KnownError | undefined;
    }
  | { readonly say: 'applied'; readonly at: number }
  | { readonly say: 'evicted'; readonly key: RouteKey; readonly address: string }
  | { readonly say: 'publish'; readonly subject: string; readonly payload: Uint8Array }
  | { readonly say: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields }
  | { readonly say: 'report'; readonly ask: number; readonly report: WorkerReport };
