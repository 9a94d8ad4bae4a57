import fc from 'fast-check';
import type { Action, CheckDefinition, RunAction } from '../../common/model/action.js';
import type { WorkStatus } from '../../common/model/auction.js';
import type { BatchSummary, CellsStanding, WhatIf } from '../../common/model/auction-questions.js';
import type { CellPresence, CellState } from '../../common/model/cell.js';
import type { ContainerMetric } from '../../common/model/container-metrics.js';
import type { BbsEvent } from '../../common/model/events.js';
import type { ActualLrp, DesiredLrp, DesiredLrpUpdate, MetricTagValue } from '../../common/model/lrp.js';
import type { Task, TaskDefinition } from '../../common/model/task.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import { eventArbitraries } from './wire-arbitraries-events.js';
import { mesosArbitraries } from './wire-arbitraries-mesos.js';
import { bbsArbitraries, leaseReply } from './wire-arbitraries-bbs.js';
import {
  bool,
  int32,
  int64,
  list,
  map,
  mixed,
  nanoseconds,
  record,
  text,
  texts,
  uint32,
  uint64,
} from './wire-arbitrary-parts.js';

/** Values of every message, typed by the model, so that a field the codec does not know shows as lost. */
type Arbitraries = { readonly [N in WireName]: fc.Arbitrary<WireMessages[N]> };

// ---- container metrics ----

const containerMetric: fc.Arbitrary<ContainerMetric> = mixed(
  record({
    guid: text,
    processGuid: text,
    index: int32,
    sourceId: text,
    tags: map(text),
    memoryQuotaBytes: uint64,
    diskQuotaBytes: uint64,
    absoluteEntitlementNs: uint64,
    containerAgeNs: uint64,
    logRateLimit: int64,
    spikeStart: int64,
    spikeEnd: int64,
  }),
  {
    cpuMilli: uint64,
    memoryBytes: uint64,
    diskBytes: uint64,
    absoluteUsageNs: uint64,
    cpuEntitlementPermille: uint64,
    logRate: uint64,
    rxBytes: uint64,
    txBytes: uint64,
  },
);

// ---- actions and checks ----

const env = list(record({ name: text, value: text }));
const files = list(record({ path: text, content: text }));

const run: fc.Arbitrary<RunAction> = mixed(
  record({
    path: text,
    args: texts,
    dir: text,
    env,
    user: text,
    logSource: text,
    suppressLogOutput: bool,
    volumeMountedFiles: files,
  }),
  { resourceLimits: mixed(fc.constant({}), { nofile: uint64, nproc: uint64 }) },
);

const leaf: fc.Arbitrary<Action> = fc.oneof(
  record({ run }),
  record({
    download: record({
      artifact: text,
      from: text,
      to: text,
      cacheKey: text,
      logSource: text,
      user: text,
      checksumAlgorithm: text,
      checksumValue: text,
    }),
  }),
  record({ upload: record({ artifact: text, from: text, to: text, logSource: text, user: text }) }),
  fc.constant({}),
);

const nested = (inner: fc.Arbitrary<Action>): fc.Arbitrary<Action> => {
  const actions = record({ actions: list(inner), logSource: text });
  const action = { action: inner };
  return fc.oneof(
    leaf,
    record({ timeout: mixed(record({ logSource: text, timeoutMs: int64 }), action) }),
    record({
      emitProgress: mixed(
        record({ startMessage: text, successMessage: text, failureMessagePrefix: text, logSource: text }),
        action,
      ),
    }),
    record({ try: mixed(record({ logSource: text }), action) }),
    record({ parallel: actions }),
    record({ serial: actions }),
    record({ codependent: actions }),
  );
};

const action = nested(nested(leaf));

const checks = list(
  mixed(fc.constant({}), {
    tcpCheck: record({ port: uint32, connectTimeoutMs: uint64, intervalMs: uint64 }),
    httpCheck: record({ port: uint32, requestTimeoutMs: uint64, path: text, intervalMs: uint64 }),
  }),
);

const checkDefinition: fc.Arbitrary<CheckDefinition> = record({
  checks,
  logSource: text,
  readinessChecks: checks,
});

// ---- desired LRPs ----

const modificationTag = record({ epoch: text, index: uint32 });
/** as JSON writes it: other spellings survive protobuf, not JSON */
const routes = map(fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)));
const metricTag: fc.Arbitrary<MetricTagValue> = record({
  static: text,
  dynamic: fc.constantFrom('DynamicValueInvalid' as const, 'INDEX' as const, 'INSTANCE_GUID' as const),
});

const shared = {
  rootfs: text,
  env,
  diskMb: int32,
  memoryMb: int32,
  cpuWeight: uint32,
  cpuMilli: uint32,
  privileged: bool,
  logSource: text,
  logGuid: text,
  metricsGuid: text,
  annotation: text,
  egressRules: list(
    mixed(
      record({
        protocol: text,
        destinations: texts,
        ports: list(uint32),
        log: bool,
        annotations: texts,
      }),
      {
        portRange: record({ start: uint32, end: uint32 }),
        icmpInfo: record({ type: int32, code: int32 }),
      },
    ),
  ),
  cachedDependencies: list(
    record({
      name: text,
      from: text,
      to: text,
      cacheKey: text,
      logSource: text,
      checksumAlgorithm: text,
      checksumValue: text,
    }),
  ),
  legacyDownloadUser: text,
  trustedSystemCertificatesPath: text,
  volumeMounts: list(
    mixed(record({ driver: text, containerDir: text, mode: text }), {
      shared: record({ volumeId: text, mountConfig: text }),
      dedicated: record({ mounterId: text, mountConfig: text, deviceConfig: text }),
    }),
  ),
  placementTags: texts,
  maxPids: int32,
  imageUsername: text,
  imagePassword: text,
  imageLayers: list(
    record({
      name: text,
      url: text,
      destinationPath: text,
      layerType: fc.constantFrom('LayerTypeInvalid' as const, 'SHARED' as const, 'EXCLUSIVE' as const),
      mediaType: fc.constantFrom('MediaTypeInvalid' as const, 'TGZ' as const, 'TAR' as const, 'ZIP' as const),
      digestAlgorithm: fc.constantFrom(
        'DigestAlgorithmInvalid' as const,
        'SHA256' as const,
        'SHA512' as const,
      ),
      digestValue: text,
    }),
  ),
  metricTags: map(metricTag),
  volumeMountedFiles: files,
};

const sharedOptional = {
  network: record({ properties: map(text) }),
  certificateProperties: record({ organizationalUnit: texts }),
  logRateLimit: record({ bytesPerSecond: int64 }),
};

const desiredLrp: fc.Arbitrary<DesiredLrp> = mixed(
  record({
    ...shared,
    processGuid: text,
    domain: text,
    instances: int32,
    ports: list(uint32),
    routes,
    modificationTag,
    startTimeoutMs: int64,
    sidecars: list(mixed(record({ diskMb: int32, memoryMb: int32 }), { action })),
    updateStrategy: fc.constantFrom('ROLLING' as const, 'RECREATE' as const),
  }),
  { ...sharedOptional, setup: action, action, monitor: action, checkDefinition },
);

// ---- actual LRPs, tasks, cells ----

const key = { processGuid: text, index: int32, domain: text };
const instanceKey = { instanceGuid: text, cellId: text };
const internalRoutes = list(record({ hostname: text }));

const netInfo = {
  address: text,
  ports: list(
    record({
      containerPort: uint32,
      hostPort: uint32,
      containerTlsProxyPort: uint32,
      hostTlsProxyPort: uint32,
    }),
  ),
  instanceAddress: text,
  preferredAddress: fc.constantFrom('UNKNOWN' as const, 'INSTANCE' as const, 'HOST' as const),
  instanceIpv6Address: text,
};
/** what an actual LRP is beside its keys, tags and internal routes */
const info = {
  ...netInfo,
  crashCount: int32,
  crashReason: text,
  state: fc.constantFrom('UNCLAIMED' as const, 'CLAIMED' as const, 'RUNNING' as const, 'CRASHED' as const),
  placementError: text,
  since: nanoseconds,
  modificationTag,
  presence: fc.constantFrom('ORDINARY' as const, 'EVACUATING' as const, 'SUSPECT' as const),
  availabilityZone: text,
};
const actualLrpInfo = mixed(record(info), { routable: bool });
const actualLrp: fc.Arbitrary<ActualLrp> = mixed(
  record({ ...key, ...instanceKey, ...info, internalRoutes, metricTags: map(text) }),
  { routable: bool },
);
const definition = { ...shared, resultFile: text, completionCallbackUrl: text };
const definitionOptional = { ...sharedOptional, action };

const taskDefinition: fc.Arbitrary<TaskDefinition> = mixed(record(definition), definitionOptional);

const task: fc.Arbitrary<Task> = mixed(
  record({
    ...definition,
    taskGuid: text,
    domain: text,
    createdAt: nanoseconds,
    updatedAt: nanoseconds,
    firstCompletedAt: nanoseconds,
    state: fc.constantFrom(
      'Invalid' as const,
      'Pending' as const,
      'Running' as const,
      'Completed' as const,
      'Resolving' as const,
    ),
    cellId: text,
    result: text,
    failed: bool,
    failureReason: text,
    rejectionCount: int32,
    rejectionReason: text,
  }),
  definitionOptional,
);

const resources = record({ memoryMb: int32, diskMb: int32, containers: int32 });

const cellState: fc.Arbitrary<CellState> = record({
  cellId: text,
  cellIndex: int32,
  repUrl: text,
  incarnation: text,
  version: uint64,
  rootfsProviders: map(
    fc.oneof(
      record({ type: fc.constant('arbitrary' as const) }),
      record({ type: fc.constant('fixed_set' as const), set: texts }),
    ),
  ),
  available: resources,
  total: resources,
  cpuMilliAvailable: int32,
  cpuMilliTotal: int32,
  lrpCounts: map(uint32).map((counts) => new Map(Object.entries(counts))),
  taskCount: uint32,
  startingContainerCount: uint32,
  zone: text,
  evacuating: bool,
  placeable: bool,
  volumeDrivers: texts,
  placementTags: texts,
  optionalPlacementTags: texts,
  proxyMemoryMb: int32,
});

// ---- auction ----

const wants = {
  memoryMb: int32,
  diskMb: int32,
  maxPids: int32,
  cpuMilli: int32,
  rootfs: text,
  placementTags: texts,
  volumeDrivers: texts,
};
const traceId = text;
const placementId = text;

const event: fc.Arbitrary<BbsEvent> = fc.oneof(
  record({ kind: fc.constantFrom('desired_lrp_created', 'desired_lrp_removed'), traceId, desiredLrp }),
  record({ kind: fc.constant('desired_lrp_changed'), traceId, before: desiredLrp, after: desiredLrp }),
  record({
    kind: fc.constantFrom('actual_lrp_instance_created', 'actual_lrp_instance_removed'),
    traceId,
    actualLrp,
  }),
  record({ kind: fc.constant('actual_lrp_instance_changed'), traceId, before: actualLrp, after: actualLrp }),
  record({
    kind: fc.constant('actual_lrp_crashed'),
    traceId,
    crashCount: int32,
    crashReason: text,
    since: nanoseconds,
    ...key,
    ...instanceKey,
  }),
  record({ kind: fc.constantFrom('task_created', 'task_removed'), traceId, task }),
  record({ kind: fc.constant('task_changed'), traceId, before: task, after: task }),
  record({ kind: fc.constantFrom('cell_appeared', 'cell_disappeared'), traceId, cellId: text }),
) as fc.Arbitrary<BbsEvent>;

const instances = list(record({ index: int32, placementId }));

const standing: fc.Arbitrary<CellsStanding> = record({
  cells: uint32,
  rootfs: uint32,
  volumeDrivers: uint32,
  placementTags: uint32,
  shortOfContainers: uint32,
  shortOfCpu: uint32,
  shortOfDisk: uint32,
  shortOfMemory: uint32,
  room: uint32,
});

const batchSummary: fc.Arbitrary<BatchSummary> = record({
  id: text,
  at: int64,
  cells: uint32,
  auctions: uint32,
  placed: uint32,
  refused: uint32,
  failed: uint32,
  unknown: uint32,
  statesMs: uint32,
  decideMs: uint32,
  commitMs: uint32,
});

const tally = record({ instances: uint32, placed: uint32 });

const whatIf: fc.Arbitrary<WhatIf> = record({
  problem: text,
  unknownCells: texts,
  unknownZones: texts,
  known: texts,
  moreKnown: uint32,
  cells: uint32,
  silent: texts,
  moreSilent: uint32,
  removed: texts,
  moreRemoved: uint32,
  added: uint32,
  moved: tally,
  waiting: tally,
  zones: list(record({ zone: text, cells: uint32, placed: uint32 })),
  moreZones: uint32,
  places: list(record({ cellId: text, zone: text, placed: uint32, memoryMb: int32, diskMb: int32 })),
  morePlaces: uint32,
  withoutPlace: list(record({ id: text, instances: uint32, reason: text, waits: bool })),
  moreWithoutPlace: uint32,
  lostTasks: texts,
  moreLostTasks: uint32,
});

// An empty metricTags map is the same as none over protobuf, hence at least one.
const desiredLrpUpdate: fc.Arbitrary<DesiredLrpUpdate> = mixed(fc.constant({}), {
  instances: int32,
  routes,
  annotation: text,
  metricTags: map(metricTag, 1),
  imageUsername: text,
  imagePassword: text,
});

const cellPresence: fc.Arbitrary<CellPresence> = record({
  cellId: text,
  repAddress: text,
  zone: text,
  capacity: resources,
  rootfsProviders: list(record({ name: text, properties: texts })),
  placementTags: texts,
  optionalPlacementTags: texts,
  repUrl: text,
  annotations: map(text),
});

const status = fc.constantFrom<WorkStatus[]>('accepted', 'refused', 'never_seen', 'deferred');

const lrpStarts = list(
  mixed(record({ ...wants, processGuid: text, domain: text, instances }), { hostPorts: uint32 }),
);
const taskStarts = list(record({ ...wants, taskGuid: text, domain: text, placementId }));

const work = record({
  traceId,
  cellId: text,
  incarnation: text,
  deadlineMs: uint32,
  lrps: list(mixed(record({ ...wants, ...key, placementId }), { hostPorts: uint32, instanceGuid: text })),
  tasks: taskStarts,
});

const workReply = mixed(
  record({
    cellId: text,
    incarnation: text,
    outcomes: list(record({ placementId, status, reason: text })),
  }),
  { state: cellState },
);

export const arbitraries: Arbitraries = {
  DesiredLRP: desiredLrp,
  DesiredLRPUpdate: desiredLrpUpdate,
  ActualLRP: actualLrp,
  Task: task,
  TaskDefinition: taskDefinition,
  CellPresence: cellPresence,
  CellState: cellState,
  AuctionRequest: record({ traceId, lrps: lrpStarts, tasks: taskStarts }),
  AuctionAck: record({ accepted: uint32, dropped: list(record({ id: text, reason: text })) }),
  Work: work,
  WorkReply: workReply,
  ...mesosArbitraries({ status, cellState, work, workReply, lrpStarts, taskStarts }),
  OutcomeQuery: record({ traceId, placementIds: texts, deadlineMs: uint32 }),
  StopRequest: record({ traceId, ...key, instanceGuid: text }),
  CancelRequest: record({ traceId, taskGuid: text }),
  UpdateRequest: record({ traceId, ...key, instanceGuid: text, internalRoutes, metricTags: map(text) }),
  Traced: record({ traceId }),
  Ack: record({ accepted: bool, reason: text }),
  CapacityAppeared: record({ traceId, cellId: text }),
  ExplainQuery: record({ traceId, id: text, brief: bool }),
  Explanation: mixed(
    record({
      text,
      state: fc.constantFrom(
        'unheard' as const,
        'waiting' as const,
        'placed' as const,
        'refused' as const,
        'failed' as const,
        'unknown' as const,
      ),
      recording: bool,
      id: text,
      batchId: text,
      at: int64,
      cellId: text,
      retried: bool,
      instances: uint32,
      instancesPlaced: uint32,
      zones: list(record({ zone: text, instances: uint32, standing })),
      moreZones: uint32,
      best: list(record({ cellId: text, zone: text, score: text })),
      wouldFit: texts,
      excluded: list(record({ cellId: text, reason: text })),
      moreExcluded: uint32,
    }),
    { standing },
  ),
  BatchesQuery: record({ traceId, limit: uint32 }),
  Batches: record({ recording: bool, batches: list(batchSummary), moreBatches: uint32, dropped: uint64 }),
  ReplayQuery: record({ traceId, batch: text }),
  Replay: record({
    state: fc.constantFrom(
      'no_such_batch' as const,
      'ambiguous' as const,
      'same' as const,
      'different' as const,
    ),
    recording: bool,
    id: text,
    at: int64,
    placements: uint32,
    failures: uint32,
    sha256: text,
    replayedSha256: text,
    differences: list(record({ line: uint32, recorded: text, replayed: text })),
    moreDifferences: uint32,
    candidates: texts,
  }),
  WhatIfQuery: record({
    traceId,
    drain: texts,
    loseZones: texts,
    add: list(record({ count: uint32, memoryMb: int32, diskMb: int32, zone: text })),
  }),
  WhatIf: whatIf,
  MeasureQuery: record({ traceId, guids: texts }),
  ContainerMetrics: record({
    cellId: text,
    at: nanoseconds,
    containers: list(containerMetric),
    moreContainers: uint32,
  }),
  ImageQuery: record({ traceId, rootfs: text }),
  ImageReply: mixed(
    record({
      cellId: text,
      status: fc.constantFrom('pending' as const, 'found' as const, 'failed' as const),
      reason: text,
    }),
    {
      image: record({
        id: text,
        digest: text,
        entrypoint: texts,
        command: texts,
        user: text,
        workingDir: text,
        ports: list(uint32),
      }),
    },
  ),
  LeaseReply: record(leaseReply),
  BbsEvent: event,
  ...bbsArbitraries({
    desiredLrp,
    desiredLrpUpdate,
    routes,
    actualLrp,
    key: record(key),
    instanceKey: record(instanceKey),
    netInfo: record(netInfo),
    internalRoutes,
    task,
    taskDefinition,
    cellPresence,
  }),
  ...eventArbitraries({ desiredLrp, actualLrp, actualLrpInfo, key, instanceKey, task }),
};
