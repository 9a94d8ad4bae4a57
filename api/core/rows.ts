import type { HealthCheckType } from '../../common/model/health-check.js';

/** What the API keeps, as rows. Timestamps are RFC 3339 in UTC; sizes are MB unless named otherwise. */

/** Where an app's droplets come from: staged source, or somebody's image. It never changes. */
export type LifecycleType = 'buildpack' | 'docker';

export type AppState = 'STARTED' | 'STOPPED';

export interface OrganizationRow {
  guid: string;
  name: string;
  createdAt: string;
}

export interface SpaceRow {
  guid: string;
  name: string;
  organizationGuid: string;
  createdAt: string;
}

export interface DomainRow {
  guid: string;
  name: string;
  createdAt: string;
}

export interface AppRow {
  guid: string;
  name: string;
  spaceGuid: string;
  state: AppState;
  lifecycle: LifecycleType;
  stack: string;
  /** kept and shown; staging does not use them */
  buildpacks: string[];
  env: Record<string, string>;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** '' = none */
  currentDropletGuid: string;
  /** the droplet of the last start: instances that crash download it again; '' = never started */
  startedDropletGuid: string;
  /** sequence id of the newest task */
  lastTaskSequence: number;
  createdAt: string;
  updatedAt: string;
}

export interface HealthCheck {
  type: HealthCheckType;
  /** of type http; '' = '/' */
  endpoint: string;
  /** seconds an instance may take to become healthy, ≤ 180; null = default */
  timeoutSeconds: number | null;
  /** seconds one probe may take; null = 1 */
  invocationTimeoutSeconds: number | null;
  /** seconds between probes; null = 30 */
  intervalSeconds: number | null;
}

export interface ProcessRow {
  /** of the web process: the app's guid, as Cloud Controller has it */
  guid: string;
  appGuid: string;
  type: string;
  /** null = what staging detected */
  command: string | null;
  instances: number;
  memoryMb: number;
  diskMb: number;
  /** thousandths of a core; 0 = unset */
  cpuMilli: number;
  /** -1 = no limit */
  logRateLimitBytesPerSecond: number;
  healthCheck: HealthCheck;
  readinessHealthCheck: HealthCheck;
  /** second half of the LRP's process guid; new with every start */
  version: string;
  createdAt: string;
  updatedAt: string;
}

export type PackageState = 'AWAITING_UPLOAD' | 'READY' | 'FAILED';

export interface PackageRow {
  guid: string;
  appGuid: string;
  type: 'bits' | 'docker';
  /** as the user named it; '' for bits */
  image: string;
  state: PackageState;
  /** why FAILED; '' otherwise */
  error: string;
  /** sha256 (hex) of the bits, which is also the name of their file; '' = none */
  blob: string;
  sizeBytes: number;
  createdAt: string;
  updatedAt: string;
}

export type BuildState = 'STAGING' | 'STAGED' | 'FAILED';

export interface BuildRow {
  guid: string;
  appGuid: string;
  packageGuid: string;
  lifecycle: LifecycleType;
  state: BuildState;
  error: string;
  /** '' until STAGED */
  dropletGuid: string;
  createdAt: string;
  updatedAt: string;
}

/** An image as it was when it was staged. */
export interface DropletImage {
  /** as the user named it */
  name: string;
  /** what cells know it by: with its digest where its registry has one, so that all instances run the same */
  rootfs: string;
  entrypoint: string[];
  command: string[];
  /** '' = root */
  user: string;
  /** '' = / */
  workingDir: string;
  /** TCP ports that it says it listens on, at most 10; the first is the app's own */
  ports: number[];
}

export interface DropletRow {
  guid: string;
  appGuid: string;
  packageGuid: string;
  /** what runs instead of a file; null = the file */
  image: DropletImage | null;
  /** sha256 (hex): names the file and is checked by the cell; '' for an image */
  blob: string;
  sizeBytes: number;
  stack: string;
  /** process type → start command, as detected */
  processTypes: Record<string, string>;
  /** what the start command was taken from: 'Procfile', 'package.json', 'the image', …; '' = the app's own command */
  detectedFrom: string;
  createdAt: string;
}

export interface Destination {
  guid: string;
  appGuid: string;
  processType: string;
  /** 0 = the first port of the app's image */
  port: number;
  protocol: string;
}

export interface RouteRow {
  guid: string;
  spaceGuid: string;
  domainGuid: string;
  host: string;
  /** '' or '/…' */
  path: string;
  options: Record<string, string>;
  destinations: Destination[];
  createdAt: string;
  updatedAt: string;
}

export type AppTaskState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'CANCELING' | 'FAILED';

export interface TaskRow {
  /** also the BBS's task guid */
  guid: string;
  appGuid: string;
  dropletGuid: string;
  sequenceId: number;
  name: string;
  command: string;
  memoryMb: number;
  diskMb: number;
  logRateLimitBytesPerSecond: number;
  state: AppTaskState;
  failureReason: string;
  createdAt: string;
  updatedAt: string;
}

export type JobState = 'PROCESSING' | 'COMPLETE' | 'FAILED';

export interface JobRow {
  guid: string;
  operation: string;
  state: JobState;
  /** why FAILED; '' otherwise */
  error: string;
  createdAt: string;
  updatedAt: string;
}

/** Table name → row. All are keyed by guid. */
export interface ApiRows {
  organizations: OrganizationRow;
  spaces: SpaceRow;
  domains: DomainRow;
  apps: AppRow;
  processes: ProcessRow;
  packages: PackageRow;
  builds: BuildRow;
  droplets: DropletRow;
  routes: RouteRow;
  tasks: TaskRow;
  jobs: JobRow;
}

export interface ReadTable<T> {
  get(key: string): T | undefined;
  byIndex(name: string, value: string): Iterable<T>;
  entries(): Iterable<[key: string, row: T]>;
  count(): number;
}

export interface WriteTable<T> extends ReadTable<T> {
  put(key: string, row: T): void;
  delete(key: string): void;
}

/** What rules read: committed or pending state alike. */
export type ReadTables = { readonly [K in keyof ApiRows]: ReadTable<ApiRows[K]> };
/** What rules change, within one commit. */
export type WriteTables = { readonly [K in keyof ApiRows]: WriteTable<ApiRows[K]> };

/** Index names and what a row is found under. Rows of an app are found by `app` in every table that has it. */
export const indexKey = {
  appName: (spaceGuid: string, name: string): string => `${spaceGuid}/${name}`,
  routeUrl: (route: { domainGuid: string; host: string; path: string }): string =>
    `${route.domainGuid}/${route.host}${route.path}`,
} as const;

/** What rules are given beside the tables. */
export interface Context {
  /** the time, RFC 3339 */
  readonly now: string;
  newGuid(): string;
  readonly settings: ApiSettings;
}

/** The part of the configuration that rules need. */
export interface ApiSettings {
  /** domain under which apps get their default route */
  readonly appsDomain: string;
  /** stacks that apps may name; the first is the default */
  readonly stacks: readonly string[];
  readonly defaultMemoryMb: number;
  readonly defaultDiskMb: number;
  /** seconds; used when an app names none */
  readonly defaultStartTimeoutSeconds: number;
  /** seconds; the most an app may ask for */
  readonly maximumStartTimeoutSeconds: number;
  readonly maxPids: number;
  /** where cells download droplets from, without a slash at the end */
  readonly blobUrl: string;
  /** base URL of this API as applications see it in VCAP_APPLICATION; '' = not told */
  readonly publicUrl: string;
  /** finished packages and droplets kept per app beside those in use */
  readonly retainedDroplets: number;
}
