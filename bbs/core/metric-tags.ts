import type { ActualLrp, ActualLrpInternalRoute, DesiredLrp, Routes } from '../../common/model/lrp.js';
import { keyOf } from './rows.js';
import type { Effect } from './decision.js';

export const INTERNAL_ROUTER = 'internal-router';

const hostnameOf = (entry: unknown): string | undefined => {
  const hostname = (entry as { hostname?: unknown } | null)?.hostname;
  return typeof hostname === 'string' && hostname !== '' ? hostname : undefined;
};

/** The internal routes within a desired LRP's routes; none when that part cannot be read. */
export const internalRoutesOf = (routes: Routes): ActualLrpInternalRoute[] => {
  try {
    const entries: unknown = JSON.parse(routes[INTERNAL_ROUTER] ?? '[]');
    if (!Array.isArray(entries)) return [];
    return entries.flatMap((entry) => {
      const hostname = hostnameOf(entry);
      return hostname === undefined ? [] : [{ hostname }];
    });
  } catch {
    return [];
  }
};

/** Metric tags as this instance carries them: dynamic values become its index or its guid. */
export const resolveMetricTags = (desired: DesiredLrp, row: ActualLrp): Record<string, string> => {
  const tags: Record<string, string> = {};
  for (const [name, value] of Object.entries(desired.metricTags)) {
    tags[name] =
      value.dynamic === 'INDEX'
        ? String(row.index)
        : value.dynamic === 'INSTANCE_GUID'
          ? row.instanceGuid
          : value.static;
  }
  return tags;
};

/** Tells the rep what its instance's internal routes and metric tags are now. */
export const updateEffect = (desired: DesiredLrp, row: ActualLrp): Effect => ({
  kind: 'update',
  cellId: row.cellId,
  key: keyOf(row),
  instanceGuid: row.instanceGuid,
  internalRoutes: internalRoutesOf(desired.routes),
  metricTags: resolveMetricTags(desired, row),
});
