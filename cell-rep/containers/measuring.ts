/** What the cell's containers take, looked at now and then. */
import type { ContainerMetric } from '../../common/model/container-metrics.js';
import type { Clock } from '../../common/ports/clock.js';
import type { ContainerUsage } from '../core/container-runtime.js';
import { advance, entitlement } from '../core/container-metering.js';
import type { Meter } from '../core/container-metering.js';
import type { RunPlan } from '../core/run-plan.js';
import { createSlots } from '../waiting/slots.js';
import type { ManagedContainer } from './managed.js';

/** What a container says of itself when it is looked at. */
export interface Measured {
  plan: RunPlan;
  usage: ContainerUsage;
  /** ms since it was made */
  ageMs: number;
  logBytes: number;
}

export interface Measuring {
  /** of those with these guids, or of all: containers that exist, in no order */
  measure(guids?: readonly string[]): Promise<ContainerMetric[]>;
}

export interface MeasuringOptions {
  containers(): ManagedContainer[];
  clock: Clock;
  /** the cell's */
  total: { cpuMilli: number; memoryMb: number };
}

/** Containers looked at at once, as in Diego. */
const AT_ONCE = 8;
/** ms for which a look serves whoever asks next */
const FRESH_MS = 1_000;
const MIB = 1024 * 1024;
const NS_PER_MS = 1e6;

const metricOf = ({ plan, usage, ageMs }: Measured, meter: Meter, entitledMilli: number): ContainerMetric => {
  const { identity, spec, logTags } = plan;
  const { cpuMilli, logRate, usedNs, spikeStart, spikeEnd } = meter;
  const { cpuNs, memoryBytes, diskBytes, rxBytes, txBytes } = usage;
  const permille =
    cpuMilli === undefined || entitledMilli === 0 ? undefined : Math.round((cpuMilli * 1000) / entitledMilli);
  return {
    guid: identity.guid,
    processGuid: identity.processGuid,
    index: identity.index,
    sourceId: logTags['source_id'] ?? identity.logGuid,
    tags: logTags,
    memoryQuotaBytes: spec.limits.memoryMb * MIB,
    diskQuotaBytes: spec.limits.diskMb * MIB,
    absoluteEntitlementNs: Math.round((entitledMilli * ageMs * NS_PER_MS) / 1000),
    containerAgeNs: Math.round(ageMs * NS_PER_MS),
    logRateLimit: plan.logBytesPerSecond,
    spikeStart,
    spikeEnd,
    ...(cpuMilli !== undefined && { cpuMilli }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(diskBytes !== undefined && { diskBytes }),
    ...(cpuNs !== undefined && { absoluteUsageNs: Math.round(usedNs) }),
    ...(permille !== undefined && { cpuEntitlementPermille: permille }),
    ...(logRate !== undefined && { logRate }),
    ...(rxBytes !== undefined && { rxBytes }),
    ...(txBytes !== undefined && { txBytes }),
  };
};

interface Known {
  at: number;
  meter: Meter;
  metric: ContainerMetric;
}

export const createMeasuring = ({ containers, clock, total }: MeasuringOptions): Measuring => {
  const known = new Map<string, Known>();
  const slots = createSlots(AT_ONCE);

  const look = async (container: ManagedContainer): Promise<ContainerMetric | undefined> => {
    const { guid } = container.identity;
    const recent = known.get(guid);
    if (recent !== undefined && clock.monotonic() - recent.at < FRESH_MS) return recent.metric;
    const measured = await container.measure();
    if (measured === undefined) return undefined;
    const entitledMilli = entitlement(measured.plan.spec.limits, total);
    const at = clock.monotonic();
    const { usage, logBytes } = measured;
    const seconds = Math.floor(clock.now() / 1000);
    const meter = advance(known.get(guid)?.meter, { at, seconds, usage, logBytes }, entitledMilli);
    const metric = metricOf(measured, meter, entitledMilli);
    known.set(guid, { at, meter, metric });
    return metric;
  };

  const forgetGone = (present: readonly ManagedContainer[]): void => {
    const guids = new Set(present.map(({ identity }) => identity.guid));
    for (const guid of known.keys()) if (!guids.has(guid)) known.delete(guid);
  };

  return {
    async measure(guids) {
      const present = containers();
      forgetGone(present);
      const wanted = guids === undefined ? undefined : new Set(guids);
      const chosen = present.filter(({ identity }) => wanted?.has(identity.guid) ?? true);
      const found = await Promise.all(chosen.map((one) => slots(() => look(one))));
      return found.filter((one) => one !== undefined);
    },
  };
};
