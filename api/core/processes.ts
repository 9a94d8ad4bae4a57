import type { HealthCheckType } from '../../common/model/health-check.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { ApiFailure } from './failure.js';
import { notFound, unprocessable } from './failure.js';
import type { ManifestProcess } from '../../common/model/manifest.js';
import type { AppRow, Context, HealthCheck, ProcessRow, ReadTables, WriteTables } from './rows.js';

const healthCheck = (type: HealthCheckType): HealthCheck => ({
  type,
  endpoint: '',
  timeoutSeconds: null,
  invocationTimeoutSeconds: null,
  intervalSeconds: null,
});

/** A process as Cloud Controller makes it: one web instance, checked by port; none of the other types. */
export const newProcess = (app: AppRow, type: string, context: Context): ProcessRow => {
  const web = type === 'web';
  return {
    guid: web ? app.guid : context.newGuid(),
    appGuid: app.guid,
    type,
    command: null,
    instances: web ? 1 : 0,
    memoryMb: context.settings.defaultMemoryMb,
    diskMb: context.settings.defaultDiskMb,
    cpuMilli: 0,
    logRateLimitBytesPerSecond: -1,
    healthCheck: healthCheck(web ? 'port' : 'process'),
    readinessHealthCheck: healthCheck('process'),
    version: context.newGuid(),
    createdAt: context.now,
    updatedAt: context.now,
  };
};

export const processesOf = (tables: ReadTables, appGuid: string): ProcessRow[] =>
  [...tables.processes.byIndex('app', appGuid)].sort((a, b) =>
    a.type === b.type ? 0 : a.type === 'web' || (b.type !== 'web' && a.type < b.type) ? -1 : 1,
  );

export const processOfType = (tables: ReadTables, appGuid: string, type: string): ProcessRow | undefined =>
  processesOf(tables, appGuid).find((process) => process.type === type);

export const findProcess = (
  tables: ReadTables,
  where: { guid: string } | { appGuid: string; type: string },
): Result<ProcessRow, ApiFailure[]> => {
  const found =
    'guid' in where ? tables.processes.get(where.guid) : processOfType(tables, where.appGuid, where.type);
  return found ? ok(found) : notFound('Process');
};

/** Guid of the LRP that runs a process: Cloud Controller's `<process guid>-<version>`. */
export const lrpGuid = (process: ProcessRow): string => `${process.guid}-${process.version}`;

const mergedCheck = (
  check: HealthCheck,
  change: {
    type?: HealthCheckType;
    endpoint?: string;
    timeout?: number;
    invocation?: number;
    interval?: number;
  },
): HealthCheck => ({
  type: change.type ?? check.type,
  endpoint: change.endpoint ?? check.endpoint,
  timeoutSeconds: change.timeout ?? check.timeoutSeconds,
  invocationTimeoutSeconds: change.invocation ?? check.invocationTimeoutSeconds,
  intervalSeconds: change.interval ?? check.intervalSeconds,
});

const defined = <T extends object>(values: T): { [K in keyof T]: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

/** A process with what a manifest says of it; the rest stays. */
export const withManifest = (process: ProcessRow, said: ManifestProcess, now: string): ProcessRow => ({
  ...process,
  command: said.command === undefined ? process.command : said.command || null,
  instances: said.instances ?? process.instances,
  memoryMb: said.memoryMb ?? process.memoryMb,
  diskMb: said.diskMb ?? process.diskMb,
  cpuMilli: said.cpuMilli ?? process.cpuMilli,
  logRateLimitBytesPerSecond: said.logRateLimitBytesPerSecond ?? process.logRateLimitBytesPerSecond,
  healthCheck: mergedCheck(
    process.healthCheck,
    defined({
      type: said.healthCheckType,
      endpoint: said.healthCheckEndpoint,
      timeout: said.timeout,
      invocation: said.healthCheckInvocationTimeout,
      interval: said.healthCheckInterval,
    }),
  ),
  readinessHealthCheck: mergedCheck(
    process.readinessHealthCheck,
    defined({
      type: said.readinessType,
      endpoint: said.readinessEndpoint,
      invocation: said.readinessInvocationTimeout,
      interval: said.readinessInterval,
    }),
  ),
  updatedAt: now,
});

export interface Scale {
  instances?: number;
  memoryMb?: number;
  diskMb?: number;
  logRateLimitBytesPerSecond?: number;
}

/** Instances act at once, the rest with the next start. */
export const scaleProcess = (
  tables: WriteTables,
  context: Context,
  input: { process: ProcessRow; scale: Scale },
): ProcessRow => {
  const scaled = { ...input.process, ...input.scale, updatedAt: context.now };
  tables.processes.put(scaled.guid, scaled);
  return scaled;
};

/** Makes the processes that a droplet names and the app lacks. */
export const ensureProcesses = (
  tables: WriteTables,
  context: Context,
  input: { app: AppRow; types: readonly string[] },
): void => {
  for (const type of new Set(['web', ...input.types])) {
    if (processOfType(tables, input.app.guid, type)) continue;
    const process = newProcess(input.app, type, context);
    tables.processes.put(process.guid, process);
  }
};

/** The command that a process runs: its own, else what staging detected; none is a refusal. */
export const startCommand = (
  process: ProcessRow,
  processTypes: Record<string, string>,
): Result<string, ApiFailure[]> => {
  const command = process.command ?? processTypes[process.type];
  return command ? ok(command) : unprocessable(`Process ${process.type} has no start command.`);
};

export const unwrap = <T, E>(results: readonly Result<T, E[]>[]): Result<T[], E[]> => {
  const errors = results.flatMap((result) => (result.ok ? [] : result.error));
  if (errors.length > 0) return err(errors);
  return ok(results.flatMap((result) => (result.ok ? [result.value] : [])));
};
