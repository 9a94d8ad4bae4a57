import type { ConfigSchema } from '../common/runtime/config.js';
import type { Sharding, ShardingMode } from './core/sharding.js';

/** What can be said of how requests are carried; names as gorouter's. */
export interface ProxyUserConfig {
  balancing_algorithm: 'round-robin' | 'least-connection';
  balancing_algorithm_az_preference: 'none' | 'locally-optimistic';
  zone: string;
  empty_pool_response_code_503: boolean;
  isolation_segments: string[];
  routing_table_sharding_mode: ShardingMode;
}

export interface BalancingConfig {
  readonly algorithm: 'round-robin' | 'least-connection';
  /** availability zone whose endpoints come first; undefined when all are alike */
  readonly preferredZone: string | undefined;
}

export const flag = (description: string) => ({ type: 'boolean', description }) as const;
export const choice = (values: readonly string[], description: string) =>
  ({ type: 'string', enum: values, description }) as const;
export const texts = (description: string) =>
  ({ type: 'array', items: { type: 'string', minLength: 1 }, description }) as const;
export const anyText = (description: string) => ({ type: 'string', description }) as const;

export const proxySchema: Readonly<Record<keyof ProxyUserConfig, ConfigSchema>> = {
  balancing_algorithm: choice(
    ['round-robin', 'least-connection'],
    'how endpoints are chosen where a route has no wish of its own',
  ),
  balancing_algorithm_az_preference: choice(
    ['none', 'locally-optimistic'],
    "whether first attempts go to endpoints in the router's zone, when there are any",
  ),
  zone: anyText('availability zone of this router'),
  empty_pool_response_code_503: flag('a route kept without endpoints answers 503 instead of 404'),
  isolation_segments: texts('isolation segments that this router serves'),
  routing_table_sharding_mode: choice(
    ['all', 'segments', 'shared-and-segments'],
    'which registrations count: all, those of its isolation segments, or those and the ones without any',
  ),
};

export const PROXY_DEFAULTS: ProxyUserConfig = {
  balancing_algorithm: 'round-robin',
  balancing_algorithm_az_preference: 'none',
  zone: '',
  empty_pool_response_code_503: true,
  isolation_segments: [],
  routing_table_sharding_mode: 'all',
};

export const compileBalancing = (full: ProxyUserConfig): BalancingConfig => ({
  algorithm: full.balancing_algorithm,
  preferredZone:
    full.balancing_algorithm_az_preference === 'locally-optimistic' && full.zone !== ''
      ? full.zone
      : undefined,
});

export const compileSharding = (full: ProxyUserConfig): Sharding => ({
  mode: full.routing_table_sharding_mode,
  segments: full.isolation_segments,
});
