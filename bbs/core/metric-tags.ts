import type {
  ActualLrp,
  ActualLrpInternalRoute,
  DesiredLrp,
  MetricTagValue,
  Routes,
} from '../../common/model/lrp.js';
import { keyOf } from './rows.js';
import { sameRoutes } from './same.js';
import type { Effect } from './decision.js';

export const INTERNAL_ROUTER = 'internal-router';

const hostnameOf = (entry: unknown): string | undefined => {
  const hostname = (entry as { hostname?: unknown } | null)?.hostname;
  return typeof hostname === 'string' && hostname !== '' ? hostname : undefined;
};

/** The internal routes within a desired LRP's routes; none when that part cannot be read. */
export const internalRoutesOf = (routes: Routes): ActualLrpInternalRoute[] => {
  const text = routes[INTERNAL_ROUTER];
  if (text === undefined) return [];
  try {
    const entries: unknown = JSON.parse(text);
    if (!Array.isArray(entries)) return [];
    return entries.flatMap((entry) => {
      const hostname = hostnameOf(entry);
      return hostname === undefined ? [] : [{ hostname }];
    });
  } catch {
    return [];
  }
};

const tagOf = (value: MetricTagValue, row: ActualLrp): string => {
  if (value.dynamic === 'INDEX') return String(row.index);
  return value.dynamic === 'INSTANCE_GUID' ? row.instanceGuid : value.static;
};

/** Metric tags as this instance carries them: dynamic values become its index or its guid. */
export const resolveMetricTags = (desired: DesiredLrp, row: ActualLrp): Record<string, string> => {
  const tags: Record<string, string> = {};
  for (const [name, value] of Object.entries(desired.metricTags)) tags[name] = tagOf(value, row);
  return tags;
};

const countKeys = (object: object): number => {
  let count = 0;
  for (const _ in object) count += 1;
  return count;
};

/** What a running instance of a process is to carry, worked out once for all of them. */
export interface Expectation {
  internalRoutes: readonly ActualLrpInternalRoute[];
  metricTags: readonly (readonly [name: string, value: MetricTagValue])[];
}

export const expectationOf = (desired: DesiredLrp): Expectation => ({
  internalRoutes: internalRoutesOf(desired.routes),
  metricTags: Object.entries(desired.metricTags),
});

/** Whether an instance carries that, and nothing else. */
export const carries = (row: ActualLrp, { internalRoutes, metricTags }: Expectation): boolean =>
  sameRoutes(row.internalRoutes, internalRoutes) &&
  metricTags.every(([name, value]) => row.metricTags[name] === tagOf(value, row)) &&
  countKeys(row.metricTags) === metricTags.length;

/** Tells the rep what its instance's internal routes and metric tags are now. */
export const updateEffect = (desired: DesiredLrp, row: ActualLrp): Effect => ({
  kind: 'update',
  cellId: row.cellId,
  key: keyOf(row),
  instanceGuid: row.instanceGuid,
  internalRoutes: internalRoutesOf(desired.routes),
  metricTags: resolveMetricTags(desired, row),
});
