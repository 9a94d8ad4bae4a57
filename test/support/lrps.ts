import type { ContainerIdentity } from '../../cell-rep/core/identity.js';
import type { Action, RunAction } from '../../common/model/action.js';
import type { LrpWork, TaskWork, Work } from '../../common/model/auction.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';

export const runAction = (over: Partial<RunAction> = {}): Action => ({
  run: {
    path: '/bin/app',
    args: [],
    dir: '',
    env: [],
    user: 'vcap',
    logSource: 'APP/PROC/WEB',
    suppressLogOutput: false,
    volumeMountedFiles: [],
    ...over,
  },
});

const runnable = {
  rootfs: 'preloaded:cflinuxfs4',
  env: [],
  diskMb: 64,
  memoryMb: 64,
  cpuWeight: 0,
  cpuMilli: 0,
  privileged: false,
  logSource: 'CELL',
  logGuid: 'log-guid',
  metricsGuid: '',
  annotation: '',
  egressRules: [],
  cachedDependencies: [],
  legacyDownloadUser: '',
  trustedSystemCertificatesPath: '',
  volumeMounts: [],
  placementTags: [],
  maxPids: 0,
  imageUsername: '',
  imagePassword: '',
  imageLayers: [],
  metricTags: {},
  volumeMountedFiles: [],
} satisfies Partial<DesiredLrp>;

export const desiredLrp = (over: Partial<DesiredLrp> = {}): DesiredLrp => ({
  ...runnable,
  processGuid: 'app',
  domain: 'test',
  instances: 1,
  action: runAction(),
  ports: [8080],
  routes: { 'cf-router': JSON.stringify([{ hostnames: ['app.example.com'], port: 8080 }]) },
  modificationTag: { epoch: 'e', index: 0 },
  startTimeoutMs: 0,
  sidecars: [],
  updateStrategy: 'ROLLING',
  ...over,
});

export const pendingTask = (over: Partial<Task> = {}): Task => ({
  ...runnable,
  taskGuid: 'task',
  domain: 'test',
  action: runAction({ logSource: 'APP/TASK/x' }),
  resultFile: '',
  completionCallbackUrl: '',
  createdAt: 0,
  updatedAt: 0,
  firstCompletedAt: 0,
  state: 'Pending',
  cellId: '',
  result: '',
  failed: false,
  failureReason: '',
  rejectionCount: 0,
  rejectionReason: '',
  ...over,
});

const placed = {
  memoryMb: 64,
  diskMb: 64,
  maxPids: 0,
  cpuMilli: 0,
  rootfs: 'preloaded:cflinuxfs4',
  placementTags: [],
  volumeDrivers: [],
};

export const lrpWork = (over: Partial<LrpWork> = {}): LrpWork => ({
  ...placed,
  placementId: 'app.0@e.0',
  processGuid: 'app',
  index: 0,
  domain: 'test',
  ...over,
});

export const taskWork = (over: Partial<TaskWork> = {}): TaskWork => ({
  ...placed,
  placementId: 'task@0',
  taskGuid: 'task',
  domain: 'test',
  ...over,
});

export const workFor = (incarnation: string, over: Partial<Work> = {}): Work => ({
  traceId: 'trace',
  cellId: 'cell-1',
  incarnation,
  deadlineMs: 10_000,
  lrps: [],
  tasks: [],
  ...over,
});

/** Of a container of an instance. */
export const lrpIdentity = (over: Partial<ContainerIdentity> = {}): ContainerIdentity => ({
  kind: 'lrp',
  guid: 'guid',
  domain: 'test',
  logGuid: '',
  processGuid: 'app',
  index: 0,
  placementId: 'p',
  demand: { memoryMb: 64, diskMb: 64, containers: 1, cpuMilli: 0 },
  wanted: { maxPids: 0, rootfs: '', placementTags: [], volumeDrivers: [] },
  ...over,
});
