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
import type { ContainerSpec, ImageCredentials } from './container-runtime.js';
import type { ContainerIdentity } from './identity.js';
import { filesProblem } from './binding-files.js';
import { allowAll, allowancesOf } from './egress.js';
import type { Allowance } from './egress.js';
import { toTags } from './identity.js';
import { resolveMetricTags } from './route-plan.js';
import { sysctlsOf } from './sysctls.js';
import { volumeRequests } from './volumes.js';
import type { VolumeRequest } from './volumes.js';

/**
 * All that is needed to run one container from its start to its end. Made from the desired LRP or task
 * when the work begins, and kept with the container, so that a restarted rep needs no BBS to go on.
 */
export interface RunPlan {
  identity: ContainerIdentity;
  spec: ContainerSpec;
  /** of its image's registry; for the moment at which it is made, and never noted down */
  imageCredentials?: ImageCredentials;
  /** what is mounted into it when it is made; absent = nothing */
  volumes?: VolumeRequest[];
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

const specOf = (from: Runnable, identity: ContainerIdentity, { ports, egress }: Made): ContainerSpec => {
  const sysctls = sysctlsOf(from.network);
  return {
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
    ...(identity.hostPorts && { hostPorts: identity.hostPorts }),
    ...(egress && { egress }),
    ...(Object.keys(sysctls).length > 0 && { sysctls }),
    tags: toTags(identity),
  };
};

/** What of an LRP or a task had to be made sense of first. */
interface Made {
  action: Action;
  ports: number[];
  volumes: VolumeRequest[];
  /** undefined = everything */
  egress: Allowance[] | undefined;
}

const common = (from: Runnable, identity: ContainerIdentity, made: Made) => ({
  identity,
  spec: specOf(from, identity, made),
  ...(from.imageUsername !== '' && {
    imageCredentials: { username: from.imageUsername, password: from.imagePassword },
  }),
  ...(made.volumes.length > 0 && { volumes: made.volumes }),
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

type MakeResult = { ok: true; made: Made } | { ok: false; reason: string };

/** Refused in words is what makes no sense. */
const makeSense = (from: Runnable, ports: number[]): MakeResult => {
  const { action } = from;
  if (action === undefined) return { ok: false, reason: 'invalid action type' };
  const reason = filesProblem(from.volumeMountedFiles);
  if (reason !== '') return { ok: false, reason };
  const volumes = volumeRequests(from.volumeMounts);
  if (!volumes.ok) return { ok: false, reason: `failed to mount volume: ${volumes.reason}` };
  const egress = allowancesOf(from.egressRules);
  if (!egress.ok) return egress;
  const isOpen = from.egressRules.length === 0 || allowAll(egress.allowances);
  return {
    ok: true,
    made: { action, ports, volumes: volumes.requests, egress: isOpen ? undefined : egress.allowances },
  };
};

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
  const sense = makeSense(lrp, lrp.ports);
  if (!sense.ok) return sense;
  const identity = { ...reserved, logGuid: lrp.logGuid };
  const plan: RunPlan = {
    ...common(lrp, identity, sense.made),
    ...(lrp.setup ? { setup: lrp.setup } : {}),
    action: sense.made.action,
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
  const sense = makeSense(task, []);
  if (!sense.ok) return sense;
  const identity = { ...reserved, logGuid: task.logGuid };
  const plan: RunPlan = {
    ...common(task, identity, sense.made),
    action: sense.made.action,
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
