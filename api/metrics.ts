import { DURATION_BUCKETS_NS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';

export interface AnsweredRequest {
  /** method and template: `GET /v3/apps/:guid`; '' when there is no such route */
  route: string;
  status: number;
  ms: number;
}

/** What is told of the API's work as it does it. */
export interface ApiMetrics {
  answered(request: AnsweredRequest): void;
}

const NS_PER_MS = 1e6;

/** Registers what the API measures. */
export const createApiMetrics = (metrics: Metrics): ApiMetrics => {
  const count = metrics.counter('RequestCount', {
    help: 'Requests that were answered, by route template and class of status; without a route: there is none.',
    labels: ['route', 'status_class'],
  });
  const latency = metrics.histogram('RequestLatency', {
    help: 'Time from a request to the end of its answer; one that follows logs lasts as long as it follows.',
    unit: 'ns',
    labels: ['route'],
    buckets: DURATION_BUCKETS_NS,
  });
  return {
    answered({ route, status, ms }) {
      count.increment({ route, status_class: `${Math.floor(status / 100)}xx` });
      latency.observe(ms * NS_PER_MS, { route });
    },
  };
};
