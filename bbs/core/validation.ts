import type { BbsError } from '../../common/model/bbs-error.js';
import type {
  ActualLrpInstanceKey,
  ActualLrpKey,
  ActualLrpNetInfo,
  DesiredLrp,
  DesiredLrpUpdate,
} from '../../common/model/lrp.js';
import type { TaskDefinition } from '../../common/model/task.js';
import { bbsError } from './decision.js';
import { field, nested } from './problems.js';
import type { Problems } from './problems.js';
import { checkAction, INVALID_ACTION_TYPE } from './validation-actions.js';
import {
  checkAnnotation,
  checkCachedDependencies,
  checkCheckDefinition,
  checkEgressRule,
  checkEnv,
  checkImageCredentials,
  checkImageLayers,
  checkLogRateLimit,
  checkMetricTags,
  checkMountedFiles,
  checkRoutes,
  checkSidecar,
  checkVolumeMount,
  hasScheme,
  isGuid,
  notNegative,
} from './validation-parts.js';

/** Undefined when there are no problems; Diego joins them with a comma. */
export const invalidRequest = (problems: Problems): BbsError | undefined =>
  problems.length === 0 ? undefined : bbsError('InvalidRequest', problems.join(', '));

/** Names of the given fields that are empty. */
export const required = (fields: Record<string, string>): Problems =>
  Object.entries(fields).flatMap(([name, value]) => (value === '' ? field(name) : []));

const checkKey = (key: ActualLrpKey): Problems => [
  ...(isGuid(key.processGuid) ? [] : field('process_guid')),
  ...notNegative({ index: key.index }),
  ...required({ domain: key.domain }),
];

const checkInstanceKey = (key: ActualLrpInstanceKey): Problems =>
  required({ cell_id: key.cellId, instance_guid: key.instanceGuid });

/** Requests about one actual LRP: whatever parts they carry. */
export const checkTransition = (request: {
  key?: ActualLrpKey;
  instanceKey?: ActualLrpInstanceKey;
  netInfo?: ActualLrpNetInfo;
  errorMessage?: string;
}): BbsError | undefined =>
  invalidRequest([
    ...(request.key ? checkKey(request.key) : []),
    ...(request.instanceKey ? checkInstanceKey(request.instanceKey) : []),
    ...(request.netInfo ? required({ address: request.netInfo.address }) : []),
    ...required(request.errorMessage === undefined ? {} : { error_message: request.errorMessage }),
  ]);

/** Claim and remove name the slot without its domain. */
export const checkSlotTransition = (request: {
  key: ActualLrpKey;
  instanceKey: ActualLrpInstanceKey;
}): BbsError | undefined =>
  invalidRequest([
    ...(isGuid(request.key.processGuid) ? [] : field('process_guid')),
    ...checkInstanceKey(request.instanceKey),
  ]);

/** More would be rows by mistake; every index is a row held in memory. */
const MAX_INSTANCES = 250_000;

const checkInstances = (instances: number): Problems =>
  instances < 0 || instances > MAX_INSTANCES ? field('instances') : [];

const checkSizes = (sizes: { memoryMb: number; diskMb: number; maxPids: number }): Problems =>
  notNegative({ memory_mb: sizes.memoryMb, disk_mb: sizes.diskMb, max_pids: sizes.maxPids });

/** `domain` is told twice when missing, as Diego does: for the LRP and for its run info. */
const checkRunInfo = (lrp: DesiredLrp): Problems => [
  ...required({ domain: lrp.domain }),
  ...(lrp.setup ? nested('setup', checkAction(lrp.setup)) : []),
  ...(lrp.action ? nested('action', checkAction(lrp.action)) : [INVALID_ACTION_TYPE]),
  ...(lrp.monitor ? nested('monitor', checkAction(lrp.monitor)) : []),
  ...checkEnv(lrp.env),
  ...lrp.egressRules.flatMap(checkEgressRule),
  ...checkCachedDependencies(lrp.cachedDependencies),
  ...lrp.volumeMounts.flatMap(checkVolumeMount),
  ...checkImageCredentials(lrp.imageUsername, lrp.imagePassword),
  ...checkCheckDefinition(lrp.checkDefinition),
  ...checkImageLayers(lrp.imageLayers, lrp.legacyDownloadUser),
  ...lrp.sidecars.flatMap(checkSidecar),
  ...checkLogRateLimit(lrp.logRateLimit),
  ...checkMountedFiles(lrp.volumeMountedFiles),
];

const checkTags = (lrp: DesiredLrp): Problems =>
  Object.keys(lrp.metricTags).length === 0
    ? field('metric_tags')
    : checkMetricTags(lrp.metricTags, lrp.metricsGuid);

export const checkDesiredLrp = (lrp: DesiredLrp): BbsError | undefined =>
  invalidRequest([
    ...required({ domain: lrp.domain }),
    ...(isGuid(lrp.processGuid) ? [] : field('process_guid')),
    ...required({ rootfs: lrp.rootfs }),
    ...(hasScheme(lrp.rootfs) ? [] : field('rootfs')),
    ...checkInstances(lrp.instances),
    ...checkSizes(lrp),
    ...notNegative({ cpu_milli: lrp.cpuMilli }),
    ...checkAnnotation(lrp.annotation),
    ...checkRoutes(lrp.routes),
    ...checkRunInfo(lrp),
    ...checkTags(lrp),
  ]);

export const checkUpdate = (update: DesiredLrpUpdate): BbsError | undefined => {
  const { imageUsername, imagePassword } = update;
  return invalidRequest([
    ...checkInstances(update.instances ?? 0),
    ...checkAnnotation(update.annotation ?? ''),
    ...checkRoutes(update.routes ?? {}),
    ...checkMetricTags(update.metricTags ?? {}, ''),
    ...checkImageCredentials(imageUsername ?? '', imagePassword ?? ''),
  ]);
};

const checkDefinition = (definition: TaskDefinition): Problems => [
  ...(hasScheme(definition.rootfs) ? [] : field('rootfs')),
  ...(definition.action ? nested('action', checkAction(definition.action)) : [INVALID_ACTION_TYPE]),
  ...checkSizes(definition),
  ...notNegative({ cpu_milli: definition.cpuMilli }),
  ...checkLogRateLimit(definition.logRateLimit),
  ...checkAnnotation(definition.annotation),
  ...definition.egressRules.flatMap(checkEgressRule),
  ...checkImageCredentials(definition.imageUsername, definition.imagePassword),
  ...checkCachedDependencies(definition.cachedDependencies),
  ...checkImageLayers(definition.imageLayers, definition.legacyDownloadUser),
];

export const checkTask = (task: {
  taskGuid: string;
  domain: string;
  definition: TaskDefinition;
}): BbsError | undefined =>
  invalidRequest([
    ...(isGuid(task.taskGuid) ? [] : field('task_guid')),
    ...required({ domain: task.domain }),
    ...checkDefinition(task.definition),
  ]);
