/** What a container takes, as its cell tells it every 15 s. Names are Diego's, where it has them; what is not known is absent. */
export interface ContainerMetric {
  /** the instance's, or the task's */
  guid: string;
  /** '' for tasks */
  processGuid: string;
  index: number;
  /** the log guid, or the metric tag of that name */
  sourceId: string;
  tags: Record<string, string>;
  /** milli-CPU since the last look: 1000 is one core */
  cpuMilli?: number;
  memoryBytes?: number;
  diskBytes?: number;
  /** 0 = not limited */
  memoryQuotaBytes: number;
  diskQuotaBytes: number;
  /** ns of CPU since the container was made */
  absoluteUsageNs?: number;
  /** ns of CPU that its share of the cell would have been */
  absoluteEntitlementNs: number;
  /** thousandths of its entitlement that it took since the last look */
  cpuEntitlementPermille?: number;
  containerAgeNs: number;
  /** bytes per second of its own output that passed */
  logRate?: number;
  /** -1 = no limit */
  logRateLimit: number;
  rxBytes?: number;
  txBytes?: number;
  /** s since the epoch: the last time that it took more than its entitlement; 0 = never, or not ended */
  spikeStart: number;
  spikeEnd: number;
}

/** `cell.<id>.metrics`, in pieces where there are many; also the answer to `cell.<id>.measure`. */
export interface ContainerMetrics {
  cellId: string;
  /** ns since the epoch */
  at: number;
  containers: ContainerMetric[];
  /** containers that did not fit into an answer */
  moreContainers: number;
}

/** `cell.<id>.measure`: what do these containers take now? */
export interface MeasureQuery {
  traceId: string;
  /** of instances and tasks; empty = all */
  guids: string[];
}
