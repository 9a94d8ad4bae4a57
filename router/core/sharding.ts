export type ShardingMode = 'all' | 'segments' | 'shared-and-segments';

/** Which isolation segments a router serves. */
export interface Sharding {
  readonly mode: ShardingMode;
  readonly segments: readonly string[];
}

/** Whether a registration for that segment ('' = shared) concerns the router. */
export const isServed = ({ mode, segments }: Sharding, segment: string): boolean => {
  if (mode === 'all' || segments.includes(segment)) return true;
  return mode === 'shared-and-segments' && segment === '';
};
