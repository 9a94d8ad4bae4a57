import type {
  Action,
  CheckDefinition,
  EnvironmentVariable,
  VolumeMountedFile,
} from '../../common/model/action.js';
import type {
  ActualLrpInternalRoute,
  CachedDependency,
  DesiredLrp,
  ImageLayer,
  Routes,
  Sidecar,
} from '../../common/model/lrp.js';
import type { Task, TaskDefinition } from '../../common/model/task.js';
import type { ContainerSpec } from './container-runtime.js';
import type { ContainerIdentity } from './identity.js';
import { filesProblem } from './binding-files.js';
import { toTags } from './identity.js';
import { resolveMetricTags } from './route-plan.js';

/**
 * All that is needed to run one container from its start to its end. Made from the desired LRP or task
 * when the work begins, and kept with the container, so that a restarted rep needs no BBS to go on.
 */
export interface RunPlan {
  identity: ContainerIdentity;
  spec: ContainerSpec;
  env: EnvironmentVariable[];
  /** files of service bindings, for each of its processes; absent in plans of earlier versions */
  files?: VolumeMountedFile[];
  /** directory of the platform's certificates, as the container is told; '' = none */
  certificatesPath?: string;
  /** of its certificate, where the cell makes any; absent in plans of earlier versions */
  organizationalUnits?: string[];
  /** brought into the container before anything runs */
  dependencies: Action[];
  setup?: Action;
  action: Action;
  sidecars: Sidecar[];
  monitor?: Action;
  checks?: CheckDefinition;
  /** ms; 0 = default */
  startTimeoutMs: number;
  logSource: string;
  logTags: Record<string, string>;
  /** -1 no limit */
  logBytesPerSecond: number;
  routes: Routes;
  internalRoutes: ActualLrpInternalRoute[];
  metricTags: Record<string, string>;
  /** '' = none */
  resultFile: string;
}

/** Log source of lines and processes whose action names none. */
const DEFAULT_LOG_SOURCE = 'LOG';

const dependencyAction = (dependency: CachedDependency, user: string): Action => ({
  download: {
    artifact: dependency.name,
    from: dependency.from,
    to: dependency.to,
    cacheKey: dependency.cacheKey,
    logSource: dependency.logSource,
    user,
    checksumAlgorithm: dependency.checksumAlgorithm,
    checksumValue: dependency.checksumValue,
  },
});

/** Layers are unpacked like dependencies: our runtimes mount no images over each other. */
const layerAction = (layer: ImageLayer, user: string): Action => ({
  download: {
    artifact: layer.name,
    from: layer.url,
    to: layer.destinationPath,
    cacheKey: layer.layerType === 'SHARED' ? `${layer.digestValue || layer.url}` : '',
    logSource: '',
    user,
    checksumAlgorithm: layer.digestAlgorithm === 'SHA256' ? 'sha256' : '',
    checksumValue: layer.digestAlgorithm === 'SHA256' ? layer.digestValue : '',
  },
});

type Runnable = DesiredLrp | TaskDefinition;

const dependencies = (from: Runnable): Action[] => [
  ...from.cachedDependencies.map((one) => dependencyAction(one, from.legacyDownloadUser)),
  ...from.imageLayers.map((one) => layerAction(one, from.legacyDownloadUser)),
];

const common = (from: Runnable, identity: ContainerIdentity, ports: number[]) => ({
  identity,
  spec: {
    guid: identity.guid,
    rootfs: from.rootfs,
    limits: {
      memoryMb: from.memoryMb,
      diskMb: from.diskMb,
      maxPids: from.maxPids,
      cpuWeight: from.cpuWeight,
      cpuMilli: from.cpuMilli,
      ...(identity.cpus && { cpus: identity.cpus }),
    },
    ports: [...new Set(ports)],
    tags: toTags(identity),
  },
  env: from.env,
  files: from.volumeMountedFiles,
  certificatesPath: from.trustedSystemCertificatesPath,
  organizationalUnits: from.certificateProperties?.organizationalUnit ?? [],
  dependencies: dependencies(from),
  logSource: from.logSource || DEFAULT_LOG_SOURCE,
  logTags: resolveMetricTags(from.metricTags, identity),
  metricTags: resolveMetricTags(from.metricTags, identity),
  logBytesPerSecond: from.logRateLimit?.bytesPerSecond ?? -1,
});

/** What this rep cannot do for a container yet; refused in words rather than left out silently. */
const unsupported = (from: Runnable): string =>
  from.volumeMounts.length > 0
    ? 'failed to mount volume: this cell has no volume drivers'
    : filesProblem(from.volumeMountedFiles);

export type PlanResult = { ok: true; plan: RunPlan } | { ok: false; reason: string };

/** The internal routes among an LRP's routes; nonsense counts as none. */
export const internalRoutesOf = (routes: Routes): ActualLrpInternalRoute[] => {
  try {
    const parsed: unknown = JSON.parse(routes['internal-router'] ?? '[]');
    return Array.isArray(parsed) ? (parsed as ActualLrpInternalRoute[]) : [];
  } catch {
    return [];
  }
};

export const planLrp = (lrp: DesiredLrp, reserved: ContainerIdentity): PlanResult => {
  const reason = lrp.action === undefined ? 'invalid action type' : unsupported(lrp);
  if (reason !== '' || lrp.action === undefined) return { ok: false, reason };
  const identity = { ...reserved, logGuid: lrp.logGuid };
  const plan: RunPlan = {
    ...common(lrp, identity, lrp.ports),
    ...(lrp.setup ? { setup: lrp.setup } : {}),
    action: lrp.action,
    sidecars: lrp.sidecars,
    ...(lrp.monitor ? { monitor: lrp.monitor } : {}),
    ...(lrp.checkDefinition ? { checks: lrp.checkDefinition } : {}),
    startTimeoutMs: lrp.startTimeoutMs,
    routes: lrp.routes,
    internalRoutes: internalRoutesOf(lrp.routes),
    resultFile: '',
  };
  return { ok: true, plan };
};

export const planTask = (task: Task, reserved: ContainerIdentity): PlanResult => {
  const reason = task.action === undefined ? 'invalid action type' : unsupported(task);
  if (reason !== '' || task.action === undefined) return { ok: false, reason };
  const identity = { ...reserved, logGuid: task.logGuid };
  const plan: RunPlan = {
    ...common(task, identity, []),
    action: task.action,
    sidecars: [],
    startTimeoutMs: 0,
    routes: {},
    internalRoutes: [],
    resultFile: task.resultFile,
  };
  return { ok: true, plan };
};

/** Whether anything decides the LRP's health beside its process being alive. */
export const isMonitored = ({ checks, monitor }: RunPlan): boolean =>
  checks === undefined ? monitor !== undefined : checks.checks.length > 0;
