import type {
  AppRow,
  BuildRow,
  DomainRow,
  DropletRow,
  HealthCheck,
  JobRow,
  OrganizationRow,
  PackageRow,
  ProcessRow,
  ReadTables,
  RouteRow,
  SpaceRow,
  TaskRow,
} from '../core/rows.js';
import { executionMetadata, firstPort } from '../core/droplet-image.js';
import { routeUrl } from '../core/routes.js';
import type { InstanceStats } from '../core/stats.js';

/** Rows in Cloud Foundry v3's shapes. */

const to = (guid: string) => ({ data: { guid } });
const dates = (row: { createdAt: string; updatedAt?: string }) => ({
  created_at: row.createdAt,
  updated_at: row.updatedAt ?? row.createdAt,
});
const NO_METADATA = { labels: {}, annotations: {} };

export const organization = (row: OrganizationRow) => ({
  guid: row.guid,
  name: row.name,
  suspended: false,
  ...dates(row),
  relationships: { quota: { data: null } },
  metadata: NO_METADATA,
});

export const space = (row: SpaceRow) => ({
  guid: row.guid,
  name: row.name,
  ...dates(row),
  relationships: { organization: to(row.organizationGuid), quota: { data: null } },
  metadata: NO_METADATA,
});

export const domain = (row: DomainRow) => ({
  guid: row.guid,
  name: row.name,
  internal: false,
  router_group: null,
  supported_protocols: ['http'],
  ...dates(row),
  relationships: { organization: { data: null }, shared_organizations: { data: [] } },
  metadata: NO_METADATA,
});

export const app = (row: AppRow) => ({
  guid: row.guid,
  name: row.name,
  state: row.state,
  ...dates(row),
  lifecycle:
    row.lifecycle === 'docker'
      ? { type: 'docker', data: {} }
      : { type: 'buildpack', data: { buildpacks: row.buildpacks, stack: row.stack } },
  relationships: {
    space: to(row.spaceGuid),
    current_droplet: row.currentDropletGuid === '' ? { data: null } : to(row.currentDropletGuid),
  },
  metadata: { labels: row.labels, annotations: row.annotations },
});

const healthCheck = (check: HealthCheck) => ({
  type: check.type,
  data: {
    timeout: check.timeoutSeconds,
    invocation_timeout: check.invocationTimeoutSeconds,
    interval: check.intervalSeconds,
    ...(check.type === 'http' ? { endpoint: check.endpoint || '/' } : {}),
  },
});

/** `command` is what runs: the process's own command, else what its droplet names. */
export const process = (tables: ReadTables) => (row: ProcessRow) => {
  const droplet = tables.droplets.get(tables.apps.get(row.appGuid)?.currentDropletGuid ?? '');
  return {
    guid: row.guid,
    type: row.type,
    command: row.command ?? droplet?.processTypes[row.type] ?? null,
    instances: row.instances,
    memory_in_mb: row.memoryMb,
    disk_in_mb: row.diskMb,
    log_rate_limit_in_bytes_per_second: row.logRateLimitBytesPerSecond,
    cpu_milli: row.cpuMilli,
    health_check: healthCheck(row.healthCheck),
    readiness_health_check: healthCheck(row.readinessHealthCheck),
    version: row.version,
    ...dates(row),
    relationships: { app: to(row.appGuid), revision: null },
    metadata: NO_METADATA,
  };
};

/** Usage is left out: cells do not report it yet. `cell_id`, `crash_count` and `crash_reason` are ours. */
export const stats = (row: ProcessRow) => (instance: InstanceStats) => {
  const { actual } = instance;
  const placed = actual !== undefined && actual.cellId !== '';
  return {
    type: row.type,
    index: instance.index,
    state: instance.state,
    routable: placed ? actual.routable !== false && actual.state === 'RUNNING' : false,
    uptime: instance.uptime,
    usage: {},
    mem_quota: placed ? row.memoryMb * 1024 ** 2 : null,
    disk_quota: placed ? row.diskMb * 1024 ** 2 : null,
    log_rate_limit: placed ? row.logRateLimitBytesPerSecond : null,
    fds_quota: 16_384,
    host: actual?.address ?? '',
    instance_ports: (actual?.ports ?? []).map((port) => ({
      external: port.hostPort,
      internal: port.containerPort,
      external_tls_proxy_port: port.hostTlsProxyPort || null,
      internal_tls_proxy_port: port.containerTlsProxyPort || null,
    })),
    isolation_segment: null,
    details: instance.details,
    cell_id: placed ? actual.cellId : null,
    crash_count: actual?.crashCount ?? 0,
    crash_reason: actual?.crashReason || null,
  };
};

export const pack = (base: string) => (row: PackageRow) => ({
  guid: row.guid,
  type: row.type,
  state: row.state,
  data:
    row.type === 'docker'
      ? { image: row.image, username: null, password: null }
      : { error: row.error || null, checksum: { type: 'sha256', value: row.blob || null } },
  ...dates(row),
  relationships: { app: to(row.appGuid) },
  metadata: NO_METADATA,
  links:
    row.type === 'docker'
      ? {}
      : { upload: { href: `${base}/v3/packages/${row.guid}/upload`, method: 'POST' } },
});

export const build = (row: BuildRow) => ({
  guid: row.guid,
  state: row.state,
  error: row.error || null,
  ...dates(row),
  lifecycle: { type: row.lifecycle, data: {} },
  package: { guid: row.packageGuid },
  droplet: row.dropletGuid === '' ? null : { guid: row.dropletGuid },
  relationships: { app: to(row.appGuid) },
  metadata: NO_METADATA,
});

export const droplet = (row: DropletRow) => ({
  guid: row.guid,
  state: 'STAGED',
  error: null,
  ...dates(row),
  lifecycle: { type: row.image === null ? 'buildpack' : 'docker', data: {} },
  checksum: row.image === null ? { type: 'sha256', value: row.blob } : null,
  stack: row.image === null ? row.stack : null,
  image: row.image?.name ?? null,
  buildpacks: row.image === null ? [] : null,
  execution_metadata: executionMetadata(row.image),
  process_types: row.processTypes,
  detected_from: row.detectedFrom || null,
  relationships: { app: to(row.appGuid) },
  metadata: NO_METADATA,
});

const currentDroplet = (tables: ReadTables, appGuid: string): DropletRow | undefined =>
  tables.droplets.get(tables.apps.get(appGuid)?.currentDropletGuid ?? '');

export const destination = (tables: ReadTables) => (row: RouteRow['destinations'][number]) => ({
  guid: row.guid,
  app: { guid: row.appGuid, process: { type: row.processType } },
  port: row.port || firstPort(currentDroplet(tables, row.appGuid)),
  protocol: row.protocol,
  weight: null,
});

export const route = (tables: ReadTables) => (row: RouteRow) => ({
  guid: row.guid,
  protocol: 'http',
  host: row.host,
  path: row.path,
  port: null,
  url: routeUrl(tables, row),
  options: row.options,
  destinations: row.destinations.map(destination(tables)),
  ...dates(row),
  relationships: { space: to(row.spaceGuid), domain: to(row.domainGuid) },
  metadata: NO_METADATA,
});

export const task = (row: TaskRow) => ({
  guid: row.guid,
  sequence_id: row.sequenceId,
  name: row.name,
  command: row.command,
  state: row.state,
  memory_in_mb: row.memoryMb,
  disk_in_mb: row.diskMb,
  log_rate_limit_in_bytes_per_second: row.logRateLimitBytesPerSecond,
  result: { failure_reason: row.failureReason || null },
  droplet_guid: row.dropletGuid,
  ...dates(row),
  relationships: { app: to(row.appGuid) },
  metadata: NO_METADATA,
});

export const job = (row: JobRow) => ({
  guid: row.guid,
  operation: row.operation,
  state: row.state,
  errors: row.error === '' ? [] : [{ code: 10008, title: 'CF-UnprocessableEntity', detail: row.error }],
  warnings: [],
  ...dates(row),
});
