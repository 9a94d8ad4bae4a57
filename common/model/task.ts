import type { Action, EnvironmentVariable, VolumeMountedFile } from './action.js';
import type {
  CachedDependency,
  ImageLayer,
  LogRateLimit,
  MetricTagValue,
  Nanoseconds,
  SecurityGroupRule,
  VolumeMount,
} from './lrp.js';

export type TaskState = 'Invalid' | 'Pending' | 'Running' | 'Completed' | 'Resolving';

export interface TaskDefinition {
  rootfs: string;
  env: EnvironmentVariable[];
  action?: Action;
  /** MB */
  diskMb: number;
  /** MB */
  memoryMb: number;
  cpuWeight: number;
  /** Outcry's own: thousandths of a core; 0 = unset */
  cpuMilli: number;
  privileged: boolean;
  logSource: string;
  logGuid: string;
  metricsGuid: string;
  /** path in the container; its content (≤ 50 KiB) becomes the result */
  resultFile: string;
  completionCallbackUrl: string;
  annotation: string;
  egressRules: SecurityGroupRule[];
  cachedDependencies: CachedDependency[];
  legacyDownloadUser: string;
  trustedSystemCertificatesPath: string;
  volumeMounts: VolumeMount[];
  network?: { properties: Record<string, string> };
  placementTags: string[];
  maxPids: number;
  certificateProperties?: { organizationalUnit: string[] };
  imageUsername: string;
  imagePassword: string;
  imageLayers: ImageLayer[];
  logRateLimit?: LogRateLimit;
  metricTags: Record<string, MetricTagValue>;
  volumeMountedFiles: VolumeMountedFile[];
}

/** Work that runs to completion at most once. The definition is flattened, as in Diego's JSON. */
export interface Task extends TaskDefinition {
  taskGuid: string;
  domain: string;
  createdAt: Nanoseconds;
  updatedAt: Nanoseconds;
  /** 0 until completed */
  firstCompletedAt: Nanoseconds;
  state: TaskState;
  cellId: string;
  result: string;
  failed: boolean;
  failureReason: string;
  rejectionCount: number;
  rejectionReason: string;
}
