/**
 * Port: what a component measures. Names and units are Diego's and gorouter's (docs/reference/metrics.md), so
 * durations are in ns except where gorouter has ms.
 */

export type Labels = Readonly<Record<string, string>>;

export interface MetricSpec {
  /** what is counted, of the component that registers it; one sentence without its unit */
  readonly help: string;
  /** of the value; absent where it is a number of things */
  readonly unit?: 'ns' | 'ms' | 's' | 'MiB';
  /** names that every sample of it carries; few values each, since each combination is a series of its own */
  readonly labels?: readonly string[];
}

export interface HistogramSpec extends MetricSpec {
  /** upper bounds, in the unit, rising */
  readonly buckets: readonly number[];
}

/** Several metrics that one look gives, by name. */
export type Family<Name extends string> = Readonly<Record<Name, MetricSpec>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** undefined: it cannot be said now, and is left out. With labels: each combination that there is. */
export type Reading = number | readonly Sample[] | undefined;

export type Readings<Name extends string> = Readonly<Partial<Record<Name, Reading>>>;

export interface Counter {
  /** by 1 when `by` is absent; never by less than 0 */
  increment(labels?: Labels, by?: number): void;
}

export interface Histogram {
  /** in the unit of its specification */
  observe(value: number, labels?: Labels): void;
}

/**
 * The metrics of one component: registered when it is assembled, and shown when somebody asks. A name is
 * registered once, and is a name to Prometheus (letters, digits, `_`, `:`): anything else is a defect, and throws
 * where metrics are shown.
 */
export interface Metrics {
  counter(name: string, spec: MetricSpec): Counter;
  histogram(name: string, spec: HistogramSpec): Histogram;
  /** counted elsewhere, and read at a scrape alone: nothing is paid for them in between */
  counters<Name extends string>(family: Family<Name>, read: () => Readings<Name>): void;
  /** as they are at a scrape. One whose reading throws is left out of it, and logged */
  gauges<Name extends string>(family: Family<Name>, read: () => Readings<Name>): void;
  /** of what `scrape` gives */
  readonly contentType: string;
  /** everything, for another process of the same component to include */
  snapshot(): Promise<unknown>;
  /** has what other processes' snapshots say added up with what is measured here */
  include(snapshots: () => Promise<readonly unknown[]>): void;
  /** everything, in Prometheus' text format */
  scrape(): Promise<string>;
}

/** Of durations between a millisecond and a minute, ns. */
export const DURATION_BUCKETS_NS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
].map((ms) => ms * 1e6);

/** Measures nothing: for whoever is given no metrics. */
export const NO_METRICS: Metrics = {
  counter: () => ({ increment: () => undefined }),
  histogram: () => ({ observe: () => undefined }),
  counters: () => undefined,
  gauges: () => undefined,
  contentType: 'text/plain; charset=utf-8',
  snapshot: async () => undefined,
  include: () => undefined,
  scrape: async () => '',
};
