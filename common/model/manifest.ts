import type { Result } from './result.js';
import { err, ok } from './result.js';
import type { Field, Fields, Problem, Path, Read, Report } from './read.js';
import {
  flag,
  healthCheckType,
  ignored,
  integer,
  into,
  invalid,
  isMapping,
  list,
  logRate,
  megabytes,
  nullable,
  oneOf,
  readFields,
  text,
  textMap,
  textWhere,
  unsupported,
} from './read.js';
import { parseImage } from './image.js';
import { envNameProblem, isAppName, isProcessType } from './names.js';
import type { HealthCheckType } from './health-check.js';

/** What a manifest says of one process; absent = leave as it is. */
export interface ManifestProcess {
  type: string;
  /** null = back to what staging detects */
  command?: string | null;
  instances?: number;
  memoryMb?: number;
  diskMb?: number;
  cpuMilli?: number;
  logRateLimitBytesPerSecond?: number;
  healthCheckType?: HealthCheckType;
  healthCheckEndpoint?: string;
  healthCheckInvocationTimeout?: number;
  healthCheckInterval?: number;
  /** seconds to become healthy */
  timeout?: number;
  readinessType?: HealthCheckType;
  readinessEndpoint?: string;
  readinessInvocationTimeout?: number;
  readinessInterval?: number;
}

export interface ManifestRoute {
  /** host.domain/path */
  route: string;
  protocol: string;
  options: Record<string, string>;
}

/** What a manifest says of one app; absent = leave as it is. */
export interface ManifestApp {
  name: string;
  lifecycle?: 'buildpack' | 'docker';
  /** as people name images */
  image?: string;
  buildpacks?: string[];
  stack?: string;
  env?: Record<string, string>;
  routes?: ManifestRoute[];
  noRoute?: boolean;
  randomRoute?: boolean;
  defaultRoute?: boolean;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** the `web` entry carries the keys of the app's own level, overridden by those of its `processes` entry */
  processes: ManifestProcess[];
}

export interface ManifestLimits {
  /** seconds */
  readonly maximumStartTimeoutSeconds: number;
}

/** More instances than this is taken for a slip. */
const MAX_INSTANCES = 100_000;
/** One thousand cores. */
const MAX_CPU_MILLI = 1_000_000;
/** As many problems as are worth reading at once. */
const MAX_PROBLEMS = 20;

const path = textWhere((value) => value.startsWith('/'), 'must be text that starts with /');
const seconds = integer(1, 86_400);

const processFields = (limits: ManifestLimits): Fields<ManifestProcess> => {
  const disk = into<ManifestProcess, 'diskMb'>('diskMb', megabytes);
  return {
    command: into('command', nullable(text)),
    instances: into('instances', integer(0, MAX_INSTANCES)),
    memory: into('memoryMb', megabytes),
    disk_quota: disk,
    'disk-quota': disk,
    'cpu-milli': into('cpuMilli', integer(0, MAX_CPU_MILLI)),
    'log-rate-limit-per-second': into('logRateLimitBytesPerSecond', logRate),
    'health-check-type': into('healthCheckType', healthCheckType),
    'health-check-http-endpoint': into('healthCheckEndpoint', path),
    'health-check-invocation-timeout': into('healthCheckInvocationTimeout', seconds),
    'health-check-interval': into('healthCheckInterval', seconds),
    timeout: into('timeout', integer(1, limits.maximumStartTimeoutSeconds)),
    'readiness-health-check-type': into('readinessType', healthCheckType),
    'readiness-health-check-http-endpoint': into('readinessEndpoint', path),
    'readiness-health-check-invocation-timeout': into('readinessInvocationTimeout', seconds),
    'readiness-health-check-interval': into('readinessInterval', seconds),
  };
};

const isType = textWhere(isProcessType, 'must be letters, digits, _ and -');

const readProcess =
  (fields: Fields<ManifestProcess>): Read<ManifestProcess> =>
  (value, at, report) => {
    const process = readFields<ManifestProcess>({ type: '' }, value, {
      fields: { ...fields, type: into('type', isType) },
      at,
      report,
    });
    return process.type === '' ? invalid(at, report, 'must have a type') : process;
  };

const routeFields: Fields<ManifestRoute> = {
  route: into('route', text),
  protocol: into('protocol', oneOf('http1', 'http2')),
  options: into('options', textMap),
};

const readRoute: Read<ManifestRoute> = (value, at, report) => {
  const route = readFields<ManifestRoute>({ route: '', protocol: 'http1', options: {} }, value, {
    fields: routeFields,
    at,
    report,
  });
  return route.route === '' ? invalid(at, report, 'must have a route') : route;
};

const environment: Read<Record<string, string>> = (value, at, report) => {
  const env = textMap(value, at, report);
  for (const name of Object.keys(env ?? {})) {
    const problem = envNameProblem(name);
    if (problem !== '') invalid([...at, name], report, problem);
  }
  return env;
};

const buildpack: Field<ManifestApp> = (app, value, at, report) => {
  const name = nullable(text)(value, at, report);
  if (name !== undefined) app.buildpacks = name === null ? [] : [name];
};

const metadataFields: Fields<ManifestApp> = {
  labels: into('labels', textMap),
  annotations: into('annotations', textMap),
};

const lifecycle: Field<ManifestApp> = (app, value, at, report) => {
  if (value === 'buildpack' || value === 'docker') app.lifecycle = value;
  else report({ path: at, kind: 'unsupported', reason: 'only "buildpack" and "docker" are served' });
};

const image: Read<string> = (value, at, report) => {
  const parsed = typeof value === 'string' ? parseImage(value) : err('must be text');
  return parsed.ok ? (value as string) : invalid(at, report, parsed.error);
};

const dockerFields: Fields<ManifestApp> = {
  image: into('image', image),
  username: unsupported('credentials of registries are not served'),
};

const docker: Field<ManifestApp> = (app, value, at, report) => {
  if (value === null) return;
  readFields(app, value, { fields: dockerFields, at, report });
  if (isMapping(value) && value['image'] === undefined) invalid(at, report, 'must have an image');
};

const noServices: Field<unknown> = unsupported('services are not served');

/** An app's own keys, without those of its web process. */
const appFields = (process: Fields<ManifestProcess>): Fields<ManifestApp> => ({
  name: into('name', textWhere(isAppName, 'must be letters, digits, space, ".", "_" and "-", at most 63')),
  buildpacks: into('buildpacks', list(text)),
  buildpack,
  stack: into('stack', text),
  env: into('env', environment),
  routes: into('routes', list(readRoute)),
  'no-route': into('noRoute', flag),
  'random-route': into('randomRoute', flag),
  'default-route': into('defaultRoute', flag),
  metadata: (app, value, at, report) => void readFields(app, value, { fields: metadataFields, at, report }),
  processes: into('processes', list(readProcess(process))),
  path: ignored,
  lifecycle,
  docker,
  services: noServices,
  sidecars: unsupported('sidecars are not served'),
  features: unsupported('features are not served'),
  'cnb-credentials': unsupported('cloud native buildpacks are not served'),
});

const mergeWeb = (app: ManifestApp, own: ManifestProcess): ManifestProcess[] => {
  const web = app.processes.find((process) => process.type === 'web');
  return [{ ...own, ...web }, ...app.processes.filter((process) => process !== web)];
};

const duplicates = (names: readonly string[]): number[] =>
  names.flatMap((name, index) => (name !== '' && names.indexOf(name) < index ? [index] : []));

/** An image has its own programs: what is about source does not go with it. */
const checkImage = (app: ManifestApp, at: Path, report: Report): void => {
  if (app.image === undefined) return;
  const place = [...at, 'docker'];
  if (app.lifecycle === 'buildpack') invalid(place, report, 'cannot be combined with lifecycle buildpack');
  if (app.buildpacks !== undefined) {
    invalid(place, report, 'Cannot specify both buildpack(s) and docker keys');
  }
  if (app.stack !== undefined) invalid(place, report, 'cannot be combined with stack');
  app.lifecycle = 'docker';
};

const checkApp = (app: ManifestApp, at: Path, report: Report): void => {
  if (app.name === '') invalid([...at, 'name'], report, 'must be there');
  if (app.noRoute && (app.randomRoute || app.defaultRoute)) {
    invalid([...at, 'no-route'], report, 'cannot be combined with random-route or default-route');
  }
  checkImage(app, at, report);
  for (const index of duplicates(app.processes.map((process) => process.type))) {
    invalid([...at, 'processes', index, 'type'], report, 'must be unique within the app');
  }
};

const readApp =
  (limits: ManifestLimits): Read<ManifestApp> =>
  (value, at, report) => {
    const ofProcess = processFields(limits);
    const own: ManifestProcess = { type: 'web' };
    const webKeys = Object.entries(ofProcess).map(([key, field]): [string, Field<ManifestApp>] => [
      key,
      (_app, entry, place, tell) => field(own, entry, place, tell),
    ]);
    const fields = { ...Object.fromEntries(webKeys), ...appFields(ofProcess) };
    const app = readFields<ManifestApp>({ name: '', processes: [] }, value, { fields, at, report });
    checkApp(app, at, report);
    return { ...app, processes: mergeWeb(app, own) };
  };

interface Manifest {
  version?: number;
  applications?: ManifestApp[];
}

/**
 * Reads a parsed manifest (reference: Cloud Foundry's app manifest, plus our `cpu-milli`). Unknown keys
 * and wrong types are problems, each with its place; at most 20 are given.
 */
export const readManifest = (value: unknown, limits: ManifestLimits): Result<ManifestApp[], Problem[]> => {
  const problems: Problem[] = [];
  const report: Report = (problem) => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
    return undefined;
  };
  const fields: Fields<Manifest> = {
    version: into('version', integer(1, 1)),
    applications: into('applications', list(readApp(limits))),
  };
  const manifest = readFields<Manifest>({}, value, { fields, at: [], report });
  const apps = manifest.applications ?? [];
  if (problems.length === 0 && apps.length === 0) {
    invalid(['applications'], report, 'must list at least one application');
  }
  for (const index of duplicates(apps.map((app) => app.name))) {
    invalid(['applications', index, 'name'], report, 'must be unique within the manifest');
  }
  return problems.length > 0 ? err(problems) : ok(apps);
};
