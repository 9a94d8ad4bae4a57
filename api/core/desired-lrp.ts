import type { Check, CheckDefinition } from '../../common/model/action.js';
import type { DesiredLrp, DesiredLrpUpdate } from '../../common/model/lrp.js';
import type { TaskDefinition } from '../../common/model/task.js';
import { runs } from './apps.js';
import type { Owner } from './lrp-parts.js';
import { firstPort, portsOf } from './droplet-image.js';
import { APPS_DOMAIN, commonFields, downloadDroplet, environment, runAction } from './lrp-parts.js';
import { lrpGuid, startCommand } from './processes.js';
import { cfRoutes } from './routes.js';
import type { ApiSettings, DropletRow, HealthCheck, ProcessRow, ReadTables, TaskRow } from './rows.js';

const ms = (seconds: number | null): number => (seconds ?? 0) * 1000;

const check = (health: HealthCheck, port: number): Check[] => {
  const intervalMs = ms(health.intervalSeconds);
  const timeoutMs = ms(health.invocationTimeoutSeconds);
  switch (health.type) {
    case 'port':
      return [{ tcpCheck: { port, connectTimeoutMs: timeoutMs, intervalMs } }];
    case 'http':
      return [
        {
          httpCheck: {
            port,
            requestTimeoutMs: timeoutMs,
            path: health.endpoint || '/',
            intervalMs,
          },
        },
      ];
    case 'process':
      return [];
  }
};

/** Absent for a process that is well while it runs. */
const checkDefinition = (process: ProcessRow, droplet: DropletRow): CheckDefinition | undefined => {
  const port = firstPort(droplet);
  const checks = check(process.healthCheck, port);
  const readinessChecks = check(process.readinessHealthCheck, port);
  if (checks.length + readinessChecks.length === 0) return undefined;
  return { checks, logSource: 'HEALTH', readinessChecks };
};

/** Ports that routes lead to, and the droplet's for whatever answers or is checked there. */
const ports = (process: ProcessRow, droplet: DropletRow, routed: readonly number[]): number[] => {
  const checked = process.healthCheck.type !== 'process' || process.readinessHealthCheck.type !== 'process';
  const own = process.type === 'web' || checked ? portsOf(droplet) : [];
  return [...new Set([...own, ...routed])];
};

const portEnvironment = (port: number | undefined): { name: string; value: string }[] =>
  port === undefined
    ? []
    : [
        { name: 'VCAP_APP_HOST', value: '0.0.0.0' },
        { name: 'VCAP_APP_PORT', value: String(port) },
        { name: 'PORT', value: String(port) },
      ];

interface Wanted {
  owner: Owner;
  process: ProcessRow;
  /** absent = what the image runs by itself */
  command: string | undefined;
}

const wanted = (tables: ReadTables, process: ProcessRow): Wanted | undefined => {
  const app = tables.apps.get(process.appGuid);
  const droplet = tables.droplets.get(app?.startedDropletGuid ?? '');
  if (!app || !droplet || !runs(tables, process)) return undefined;
  const command = startCommand(process, droplet.processTypes);
  if (!command.ok) return undefined;
  const { guid: processGuid, type: processType, version, memoryMb, diskMb } = process;
  const owner = { app, droplet, processType, processGuid, version, memoryMb, diskMb };
  const isImages = droplet.image !== null && process.command === null;
  return { owner, process, command: isImages ? undefined : command.value };
};

/** The LRP that a process of a started app is to have; undefined when it is to have none. */
export const desiredLrp = (
  tables: ReadTables,
  settings: ApiSettings,
  process: ProcessRow,
): DesiredLrp | undefined => {
  const found = wanted(tables, process);
  if (!found) return undefined;
  const { owner, command } = found;
  const routes = cfRoutes(tables, process);
  const open = ports(
    process,
    owner.droplet,
    routes.map((route) => route.port),
  );
  const env = [...environment(tables, settings, owner), ...portEnvironment(open[0])];
  const logSource = `APP/PROC/${process.type.toUpperCase()}`;
  const definition = checkDefinition(process, owner.droplet);
  return {
    ...commonFields(tables, settings, owner),
    processGuid: lrpGuid(process),
    domain: APPS_DOMAIN,
    instances: process.instances,
    env: [],
    ...(owner.droplet.image === null ? { setup: downloadDroplet(owner.droplet, settings) } : {}),
    action: { run: runAction(owner.droplet, { command, env, logSource }) },
    cpuMilli: process.cpuMilli,
    ports: open,
    routes: { 'cf-router': JSON.stringify(routes) },
    logSource: 'CELL',
    annotation: process.updatedAt,
    modificationTag: { epoch: '', index: 0 },
    startTimeoutMs: (process.healthCheck.timeoutSeconds ?? settings.defaultStartTimeoutSeconds) * 1000,
    ...(definition === undefined ? {} : { checkDefinition: definition }),
    sidecars: [],
    logRateLimit: { bytesPerSecond: process.logRateLimitBytesPerSecond },
    updateStrategy: 'ROLLING',
  };
};

/** What may change without new instances, where the LRP that is there differs; undefined when nothing does. */
export const lrpUpdate = (is: DesiredLrp, should: DesiredLrp): DesiredLrpUpdate | undefined => {
  const routed = is.routes['cf-router'] === should.routes['cf-router'];
  if (is.instances === should.instances && routed) return undefined;
  return {
    ...(is.instances === should.instances ? {} : { instances: should.instances }),
    ...(routed ? {} : { routes: { ...is.routes, ...should.routes } }),
    annotation: should.annotation,
  };
};

/** The work of an app's task; undefined when its app or droplet has gone. */
export const taskDefinition = (
  tables: ReadTables,
  settings: ApiSettings,
  task: TaskRow,
): TaskDefinition | undefined => {
  const app = tables.apps.get(task.appGuid);
  const droplet = tables.droplets.get(task.dropletGuid);
  if (!app || !droplet) return undefined;
  const { memoryMb, diskMb, guid: processGuid } = task;
  const owner = { app, droplet, processType: 'task', processGuid, version: task.guid, memoryMb, diskMb };
  const logSource = `APP/TASK/${task.name}`;
  const env = environment(tables, settings, owner);
  const run = runAction(droplet, { command: task.command, env, logSource });
  const fetched = { serial: { actions: [downloadDroplet(droplet, settings), { run }], logSource } };
  return {
    ...commonFields(tables, settings, owner),
    env: [],
    action: droplet.image === null ? fetched : { run },
    cpuMilli: 0,
    logSource,
    resultFile: '',
    completionCallbackUrl: '',
    annotation: '',
    logRateLimit: { bytesPerSecond: task.logRateLimitBytesPerSecond },
  };
};
