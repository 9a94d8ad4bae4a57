import { AggregatorRegistry, Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Logger } from '../ports/logger.js';
import type { Family, MetricSpec, Metrics, Reading, Readings } from '../ports/metrics.js';

export interface PrometheusMetricsOptions {
  logger: Logger;
  /**
   * adds what Node says of the process (`process_…`, `nodejs_…`, the names that dashboards know): once per
   * process, since every component in it would show the same
   */
  process?: boolean;
}

const help = ({ help: text, unit }: MetricSpec): string => (unit === undefined ? text : `${text} (${unit})`);

/** Shows one reading, and nothing of the one before. */
const showGauge = (gauge: Gauge, reading: Reading): void => {
  gauge.reset();
  if (reading === undefined) gauge.remove({});
  else if (typeof reading === 'number') gauge.set(reading);
  else for (const { labels, value } of reading) gauge.set(labels, value);
};

const showCounter = (counter: Counter, reading: Reading): void => {
  counter.reset();
  if (reading === undefined) counter.remove({});
  else if (typeof reading === 'number') counter.inc(reading);
  else for (const { labels, value } of reading) counter.inc(labels, value);
};

/** A registry of its own: components of one process share no names. */
export const createPrometheusMetrics = (options: PrometheusMetricsOptions): Metrics => {
  const { logger } = options;
  const registry = new Registry();
  const base = (name: string, spec: MetricSpec) => ({
    name,
    help: help(spec),
    labelNames: [...(spec.labels ?? [])],
    registers: [registry],
  });

  /** prom-client collects in the order of registration: the first of a family reads for all of them. */
  const register = <Name extends string>(
    family: Family<Name>,
    read: () => Readings<Name>,
    make: (name: string, spec: MetricSpec, collect: (() => void) | undefined) => (reading: Reading) => void,
  ): void => {
    const show: [Name, (reading: Reading) => void][] = [];
    const showAll = (readings: Readings<Name> | undefined): void => {
      for (const [name, showOne] of show) showOne(readings?.[name]);
    };
    const collect = (): void => {
      try {
        showAll(read());
      } catch (error) {
        logger.error('metrics-not-read', { metrics: Object.keys(family), error });
        showAll(undefined);
      }
    };
    for (const [name, spec] of Object.entries(family) as [Name, MetricSpec][]) {
      show.push([name, make(name, spec, show.length === 0 ? collect : undefined)]);
    }
  };

  const included: (() => Promise<readonly unknown[]>)[] = [];

  /** what cannot be told by another process is left out */
  const scrapeAll = async (): Promise<string> => {
    const others = (await Promise.all(included.map((snapshots) => snapshots()))).flat();
    const all = [await registry.getMetricsAsJSON(), ...others.filter((one) => one !== undefined)];
    return AggregatorRegistry.aggregate(all as object[]).metrics();
  };

  if (options.process === true) collectDefaultMetrics({ register: registry });

  return {
    counter(name, spec) {
      const counter = new Counter(base(name, spec));
      return { increment: (labels = {}, by = 1) => counter.inc(labels, by) };
    },
    histogram(name, spec) {
      const histogram = new Histogram({ ...base(name, spec), buckets: [...spec.buckets] });
      return { observe: (value, labels = {}) => histogram.observe(labels, value) };
    },
    counters(family, read) {
      register(family, read, (name, spec, collect) => {
        const counter = new Counter({ ...base(name, spec), ...(collect && { collect }) });
        return (reading) => showCounter(counter, reading);
      });
    },
    gauges(family, read) {
      register(family, read, (name, spec, collect) => {
        const gauge = new Gauge({ ...base(name, spec), ...(collect && { collect }) });
        return (reading) => showGauge(gauge, reading);
      });
    },
    contentType: registry.contentType,
    snapshot: () => registry.getMetricsAsJSON(),
    include: (snapshots) => void included.push(snapshots),
    scrape: () => (included.length === 0 ? registry.metrics() : scrapeAll()),
  };
};
