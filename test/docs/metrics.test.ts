import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createApiMetrics } from '../../api/metrics.js';
import { createAuctioneerMetrics, registerRecording } from '../../auctioneer/metrics.js';
import { createBbsMetrics } from '../../bbs/metrics.js';
import { createCellMetrics } from '../../cell-rep/metrics.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import type { Metrics } from '../../common/ports/metrics.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { createEnrolmentCounter } from '../../mesos-bridge/handlers/enrolment.js';
import { createBridgeMetrics } from '../../mesos-bridge/metrics.js';
import { createRegistryMetrics, createTrafficMetrics } from '../../router/metrics.js';
import type { TrafficSources } from '../../router/metrics.js';
import { createRecordingMetrics } from '../support/recording-metrics.js';
import type { Registered } from '../support/recording-metrics.js';

const FILE = join(packageRoot(), 'docs/reference/metrics.md');

/** Registration looks at no source: a scrape would. */
const unread = <T>(): T => ({}) as T;

const REGISTER: Record<string, (metrics: Metrics) => unknown> = {
  api: createApiMetrics,
  auctioneer(metrics) {
    createAuctioneerMetrics(metrics, () => false);
    registerRecording(metrics, unread());
  },
  bbs: (metrics) => createBbsMetrics(metrics, unread()),
  cell: (metrics) => createCellMetrics(metrics, unread()),
  'mesos-bridge'(metrics) {
    createBridgeMetrics(metrics, () => false);
    createEnrolmentCounter(metrics);
  },
  router(metrics) {
    createTrafficMetrics(metrics, { ...unread<TrafficSources>(), rules: { perRequest: true, perApp: true } });
    createRegistryMetrics(metrics, unread());
  },
};

const HEAD = `# Metrics

What \`GET /metrics\` on a component's admin listener shows, in Prometheus' text format
([operating](../operating.md#health-and-metrics)).

**Names and units are Diego's**, for the router those of gorouter's own Prometheus endpoint, so that dashboards and
alerts can be taken over: no \`snake_case\`, no \`_total\`, durations in ns, gorouter's in ms. Where Diego sends one value
per measurement, its last, a histogram stands here under that name (\`_bucket\`, \`_sum\`, \`_count\`): the mean
of the last five minutes is \`rate(X_sum[5m]) / rate(X_count[5m])\`.

What is no name to Prometheus became a label:

| Diego, gorouter | here |
| --- | --- |
| \`Domain.cf-apps\` | \`Domain{domain="cf-apps"}\`; alert on \`absent(Domain{domain="cf-apps"})\` |
| tag \`cell-id\` | label \`cell_id\` |
| \`requests.COMPONENT\`, \`latency.COMPONENT\` | label \`component\` of \`total_requests\` and \`latency\` |
| \`responses.2xx\` … | \`responses{status_group="2xx"}\` … |

Not Diego's: \`Auction…\`, \`Auctions…\`, \`Event…\`, \`Events…\`, \`ActualLRPCrashes\`, \`TaskCallbacks…\`, \`cancelled_requests\`, and the API's.

Diego's \`OpenFileDescriptors\` is Node's \`process_open_fds\`; of its \`DB…\` there are those that a store of ours has:
a query is a commit, there are no connections to wait for, and nothing is encrypted.

A metric with labels appears with its first sample. What cannot be told at the moment is left out: a BBS that
owns no store says nothing of the board. The board's numbers are those of the moment of the scrape, which
walks over every row for them (10 to 20 ms per 100,000 instances); \`LRPsMissing\` and \`LRPsExtra\` are as
the last pass of convergence found them, as in Diego.

Beside these, a component that is a process of its own shows what Node says of it under the names that every
Node.js dashboard knows: \`process_resident_memory_bytes\`, \`process_cpu_seconds_total\`, \`process_open_fds\`,
\`process_start_time_seconds\`, \`nodejs_eventloop_lag_p99_seconds\` and more of \`process_…\` and \`nodejs_…\`,
in seconds and bytes.
`;

const TITLE = '\n| name | type | labels | unit | meaning |\n| --- | --- | --- | --- | --- |\n';

const row = ({ name, type, labels = [], unit, help }: Registered): string =>
  `| ${name} | ${type} | ${labels.join(', ')} | ${unit ?? ''} | ${help.replaceAll('|', '\\|')} |\n`;

const registeredBy = (register: (metrics: Metrics) => unknown): Registered[] => {
  const metrics = createRecordingMetrics();
  register(metrics);
  return metrics.registered.sort((a, b) => (a.name < b.name ? -1 : 1));
};

const rendered = (): string =>
  HEAD +
  Object.entries(REGISTER)
    .map(([component, register]) => `\n## ${component}\n${TITLE}${registeredBy(register).map(row).join('')}`)
    .join('');

t.test('docs - metrics.md is what the components register, no more and no less', async (t) => {
  // after a change of a component's metrics.ts: UPDATE_DOCS=1 npm test -- docs/metrics
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(FILE, rendered());
  t.equal(readFileSync(FILE, 'utf8'), rendered());
});

t.test('docs - every metric is one to Prometheus, and says in a sentence what it is', async (t) => {
  for (const [component, register] of Object.entries(REGISTER)) {
    t.doesNotThrow(() => register(createPrometheusMetrics({ logger: silentLogger })), component);
    for (const { name, help } of registeredBy(register)) t.match(help, /^[A-Z1][^\n]*\.$/, name);
  }
});
