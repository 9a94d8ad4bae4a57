import type { MetricSpec, Metrics } from '../../common/ports/metrics.js';
import { NO_METRICS } from '../../common/ports/metrics.js';

export interface Registered extends MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
}

/** Notes what is registered, and measures nothing. */
export const createRecordingMetrics = (): Metrics & { readonly registered: Registered[] } => {
  const registered: Registered[] = [];
  const note = (type: Registered['type'], family: Readonly<Record<string, MetricSpec>>): void => {
    for (const [name, spec] of Object.entries(family)) registered.push({ ...spec, name, type });
  };
  return {
    ...NO_METRICS,
    registered,
    counter(name, spec) {
      note('counter', { [name]: spec });
      return NO_METRICS.counter(name, spec);
    },
    histogram(name, spec) {
      note('histogram', { [name]: spec });
      return NO_METRICS.histogram(name, spec);
    },
    counters: (family) => note('counter', family),
    gauges: (family) => note('gauge', family),
  };
};
