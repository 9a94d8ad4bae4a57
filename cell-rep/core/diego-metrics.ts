import type { ContainerMetric } from '../../common/model/container-metrics.js';

/** Diego knows no absence here: what is not known is 0. */
const usage = (metric: ContainerMetric) => ({
  metric_guid: metric.sourceId,
  cpu_usage_fraction: (metric.cpuMilli ?? 0) / 1000,
  disk_usage_bytes: metric.diskBytes ?? 0,
  disk_quota_bytes: metric.diskQuotaBytes,
  memory_usage_bytes: metric.memoryBytes ?? 0,
  memory_quota_bytes: metric.memoryQuotaBytes,
});

const orNull = <T>(list: T[]): T[] | null => (list.length === 0 ? null : list);

/** What containers take, as Diego's `GET /container_metrics` has it. */
export const diegoMetrics = (cellId: string, metrics: readonly ContainerMetric[]) => ({
  cell_id: cellId,
  lrps: orNull(
    metrics
      .filter(({ processGuid }) => processGuid !== '')
      .map((metric) => ({
        instance_guid: metric.guid,
        process_guid: metric.processGuid,
        index: metric.index,
        ...usage(metric),
      })),
  ),
  tasks: orNull(
    metrics
      .filter(({ processGuid }) => processGuid === '')
      .map((metric) => ({ task_guid: metric.guid, ...usage(metric) })),
  ),
});
