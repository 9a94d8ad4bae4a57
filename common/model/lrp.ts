import type { Action, CheckDefinition, EnvironmentVariable, VolumeMountedFile } from './action.js';

/**
 * ns since the Unix epoch. A double: exact to 256 ns, which is finer than any clock that sets it.
 * Log lines, which must never share a timestamp, carry decimal strings instead.
 */
export type Nanoseconds = number;

export interface ModificationTag {
  /** new with every row */
  epoch: string;
  /** +1 with every change */
  index: number;
}

/** Router data by kind (`cf-router`, `tcp-router`, …): opaque JSON text, kept byte for byte. */
export type Routes = Record<string, string>;

export interface MetricTagValue {
  static: string;
  dynamic: 'DynamicValueInvalid' | 'INDEX' | 'INSTANCE_GUID';
}

export interface PortRange {
  start: number;
  end: number;
}

export interface SecurityGroupRule {
  protocol: string;
  destinations: string[];
  ports: number[];
  portRange?: PortRange;
  icmpInfo?: { type: number; code: number };
  log: boolean;
  annotations: string[];
}

export interface CachedDependency {
  name: string;
  from: string;
  to: string;
  cacheKey: string;
  logSource: string;
  checksumAlgorithm: string;
  checksumValue: string;
}

export interface ImageLayer {
  name: string;
  url: string;
  destinationPath: string;
  layerType: 'LayerTypeInvalid' | 'SHARED' | 'EXCLUSIVE';
  mediaType: 'MediaTypeInvalid' | 'TGZ' | 'TAR' | 'ZIP';
  digestAlgorithm: 'DigestAlgorithmInvalid' | 'SHA256' | 'SHA512';
  digestValue: string;
}

export interface VolumeMount {
  driver: string;
  containerDir: string;
  /** 'r' or 'rw' */
  mode: string;
  shared?: { volumeId: string; mountConfig: string };
  dedicated?: { mounterId: string; mountConfig: string; deviceConfig: string };
}

export interface Sidecar {
  action?: Action;
  diskMb: number;
  memoryMb: number;
}

/** -1 no limit, 0 nothing may be logged; absent = no limit. */
export interface LogRateLimit {
  bytesPerSecond: number;
}

export type UpdateStrategy = 'ROLLING' | 'RECREATE';

/** A long-running process that the user wants. Fields are Diego's, named in this language's case. */
export interface DesiredLrp {
  processGuid: string;
  domain: string;
  /** URL with a scheme: `preloaded:cflinuxfs4`, `docker:///image` */
  rootfs: string;
  instances: number;
  env: EnvironmentVariable[];
  setup?: Action;
  action?: Action;
  monitor?: Action;
  /** MB */
  diskMb: number;
  /** MB */
  memoryMb: number;
  cpuWeight: number;
  /** Outcry's own (proto field ≥ 1000): thousandths of a core to fit; 0 = a share derived from memory, never filters. */
  cpuMilli: number;
  privileged: boolean;
  /** container ports */
  ports: number[];
  routes: Routes;
  logSource: string;
  logGuid: string;
  metricsGuid: string;
  annotation: string;
  egressRules: SecurityGroupRule[];
  modificationTag: ModificationTag;
  cachedDependencies: CachedDependency[];
  legacyDownloadUser: string;
  trustedSystemCertificatesPath: string;
  volumeMounts: VolumeMount[];
  network?: { properties: Record<string, string> };
  /** ms; 0 = default */
  startTimeoutMs: number;
  placementTags: string[];
  maxPids: number;
  certificateProperties?: { organizationalUnit: string[] };
  imageUsername: string;
  imagePassword: string;
  checkDefinition?: CheckDefinition;
  imageLayers: ImageLayer[];
  metricTags: Record<string, MetricTagValue>;
  sidecars: Sidecar[];
  logRateLimit?: LogRateLimit;
  volumeMountedFiles: VolumeMountedFile[];
  updateStrategy: UpdateStrategy;
}

/** Absent = unchanged; maps replace the whole map. */
export interface DesiredLrpUpdate {
  instances?: number;
  routes?: Routes;
  annotation?: string;
  metricTags?: Record<string, MetricTagValue>;
  imageUsername?: string;
  imagePassword?: string;
}

export type ActualLrpState = 'UNCLAIMED' | 'CLAIMED' | 'RUNNING' | 'CRASHED';

/** ORDINARY the slot itself; EVACUATING the old copy on a draining cell; SUSPECT a copy on a cell that vanished. */
export type ActualLrpPresence = 'ORDINARY' | 'EVACUATING' | 'SUSPECT';

export interface ActualLrpKey {
  processGuid: string;
  index: number;
  domain: string;
}

export interface ActualLrpInstanceKey {
  instanceGuid: string;
  cellId: string;
}

export interface PortMapping {
  containerPort: number;
  hostPort: number;
  containerTlsProxyPort: number;
  hostTlsProxyPort: number;
}

export interface ActualLrpNetInfo {
  /** the cell's address */
  address: string;
  ports: PortMapping[];
  /** the container's own address */
  instanceAddress: string;
  preferredAddress: 'UNKNOWN' | 'INSTANCE' | 'HOST';
  instanceIpv6Address: string;
}

export interface ActualLrpInternalRoute {
  hostname: string;
}

/** One row per (process guid, index, presence). Key, instance key and net info are flattened, as in Diego's JSON. */
export interface ActualLrp extends ActualLrpKey, ActualLrpInstanceKey, ActualLrpNetInfo {
  crashCount: number;
  crashReason: string;
  state: ActualLrpState;
  placementError: string;
  /** time of the last change of state */
  since: Nanoseconds;
  modificationTag: ModificationTag;
  presence: ActualLrpPresence;
  internalRoutes: ActualLrpInternalRoute[];
  metricTags: Record<string, string>;
  /** absent counts as true */
  routable?: boolean;
  availabilityZone: string;
}

/** A slot as Diego's deprecated calls and events show it: one instance, and the old copy on a draining cell. */
export interface ActualLrpGroup {
  instance?: ActualLrp;
  evacuating?: ActualLrp;
}
