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
import { field, nested, required } from './problems.js';
import type { Problems } from './problems.js';
import { checkAction } from './validation-actions.js';
import {
  checkAnnotation,
  checkCachedDependencies,
  checkCheckDefinition,
  checkEgressRules,
  checkEnv,
  checkImageCredentials,
  checkImageLayers,
  checkLogRateLimit,
  checkMetricTags,
  checkMountedFiles,
  checkNeededAction,
  checkRoutes,
  checkSidecars,
  checkVolumeMount,
  hasScheme,
  isGuid,
  notNegative,
} from './validation-parts.js';

/** Undefined when there are no problems; Diego joins them with a comma. */
export const invalidRequest = (problems: Problems): BbsError | undefined =>
  problems.length === 0 ? undefined : bbsError('InvalidRequest', problems.join(', '));

const checkKey = (key: ActualLrpKey): Problems => [
  // a start may make the row, so its name is held to what a desired LRP's is
  ...(isGuid(key.processGuid) ? [] : field('process_guid')),
  ...notNegative({ index: key.index }),
  ...required({ domain: key.domain }),
];

const checkInstanceKey = (key: ActualLrpInstanceKey): Problems =>
  required({ cell_id: key.cellId, instance_guid: key.instanceGuid });

/** What requests about one actual LRP carry. */
export interface TransitionParts {
  key?: ActualLrpKey | undefined;
  instanceKey?: ActualLrpInstanceKey | undefined;
  netInfo?: ActualLrpNetInfo | undefined;
  errorMessage?: string | undefined;
}

type TransitionPart = keyof TransitionParts;

/** In the order in which they are looked at; a part that is missing is a problem of its own. */
const problemsOf = ({ key, instanceKey, netInfo, errorMessage }: TransitionParts) => ({
  key: () => (key ? checkKey(key) : field('actual_lrp_key')),
  instanceKey: () => (instanceKey ? checkInstanceKey(instanceKey) : field('actual_lrp_instance_key')),
  netInfo: () => (netInfo ? required({ address: netInfo.address }) : field('actual_lrp_net_info')),
  errorMessage: () => required({ error_message: errorMessage ?? '' }),
});

/** Problems of the parts that are needed. */
export const transitionProblems = (parts: TransitionParts, needed: readonly TransitionPart[]): Problems => {
  const problems = problemsOf(parts);
  return (Object.keys(problems) as TransitionPart[]).flatMap((name) =>
    needed.includes(name) ? problems[name]() : [],
  );
};

/** Requests about one actual LRP: whatever parts they carry. */
export const checkTransition = (parts: TransitionParts): BbsError | undefined =>
  invalidRequest(transitionProblems(parts, Object.keys(parts) as TransitionPart[]));

/** A claim names the slot without its domain; its index is not looked at. */
export const claimProblems = (claim: {
  processGuid: string;
  instanceKey?: ActualLrpInstanceKey;
}): Problems => [...required({ process_guid: claim.processGuid }), ...problemsOf(claim).instanceKey()];

/** A slot named without its domain. */
export const slotProblems = (slot: { processGuid: string; index: number }): Problems => [
  ...required({ process_guid: slot.processGuid }),
  ...notNegative({ index: slot.index }),
];

/** More would be rows by mistake; every index is a row held in memory. */
const MAX_INSTANCES = 250_000;

const checkInstances = (instances: number): Problems =>
  instances < 0 || instances > MAX_INSTANCES ? field('instances') : [];

/** `domain` is told twice when missing, as Diego does: for the LRP and for its run info. */
const checkRunInfo = (lrp: DesiredLrp): Problems => [
  ...required({ domain: lrp.domain }),
  ...(isGuid(lrp.processGuid) ? [] : field('process_guid')),
  ...checkMountedFiles(lrp.volumeMountedFiles),
  ...(lrp.setup ? nested('setup', checkAction(lrp.setup)) : []),
  ...checkNeededAction(lrp.action),
  ...(lrp.monitor ? nested('monitor', checkAction(lrp.monitor)) : []),
  ...checkEnv(lrp.env),
  ...checkEgressRules(lrp.egressRules),
  ...checkCachedDependencies(lrp.cachedDependencies),
  ...checkImageLayers(lrp.imageLayers, lrp.legacyDownloadUser),
  ...checkSidecars(lrp.sidecars),
  ...lrp.volumeMounts.flatMap(checkVolumeMount),
  ...checkImageCredentials(lrp.imageUsername, lrp.imagePassword),
  ...checkCheckDefinition(lrp.checkDefinition),
  ...checkLogRateLimit(lrp.logRateLimit),
];

const checkTags = (lrp: DesiredLrp): Problems =>
  Object.keys(lrp.metricTags).length === 0
    ? field('metric_tags')
    : checkMetricTags(lrp.metricTags, lrp.metricsGuid);

export const checkDesiredLrp = (lrp: DesiredLrp): BbsError | undefined =>
  invalidRequest([
    ...required({ domain: lrp.domain, rootfs: lrp.rootfs }),
    ...(hasScheme(lrp.rootfs) ? [] : field('rootfs')),
    ...checkInstances(lrp.instances),
    ...notNegative({ memory_mb: lrp.memoryMb, disk_mb: lrp.diskMb, cpu_milli: lrp.cpuMilli }),
    ...checkLogRateLimit(lrp.logRateLimit, 'log_rate_limit_bytes_per_second'),
    ...checkAnnotation(lrp.annotation),
    ...notNegative({ max_pids: lrp.maxPids }),
    ...checkRoutes(lrp.routes),
    ...checkTags(lrp),
    ...checkRunInfo(lrp),
  ]);

export const updateProblems = (update: DesiredLrpUpdate): Problems => [
  ...checkInstances(update.instances ?? 0),
  ...checkAnnotation(update.annotation ?? ''),
  ...checkRoutes(update.routes ?? {}),
  ...checkMetricTags(update.metricTags ?? {}, ''),
  ...checkImageCredentials(update.imageUsername ?? '', update.imagePassword ?? ''),
];

export const checkUpdate = (update: DesiredLrpUpdate): BbsError | undefined =>
  invalidRequest(updateProblems(update));

const checkDefinition = (definition: TaskDefinition): Problems => [
  ...(hasScheme(definition.rootfs) ? [] : field('rootfs')),
  ...checkNeededAction(definition.action),
  ...notNegative({
    memory_mb: definition.memoryMb,
    disk_mb: definition.diskMb,
    cpu_milli: definition.cpuMilli,
  }),
  ...checkLogRateLimit(definition.logRateLimit),
  ...notNegative({ max_pids: definition.maxPids }),
  ...checkAnnotation(definition.annotation),
  // told without what is wrong with them, unlike a desired LRP's
  ...definition.egressRules.flatMap((rule) => checkEgressRules([rule]).slice(0, 1)),
  ...checkImageCredentials(definition.imageUsername, definition.imagePassword),
  ...checkCachedDependencies(definition.cachedDependencies),
  ...checkImageLayers(definition.imageLayers, definition.legacyDownloadUser),
];

interface WantedTask {
  taskGuid: string;
  domain: string;
  definition?: TaskDefinition;
}

export const taskProblems = ({ taskGuid, domain, definition }: WantedTask): Problems => [
  ...(isGuid(taskGuid) ? [] : field('task_guid')),
  ...required({ domain }),
  ...(definition ? checkDefinition(definition) : field('task_definition')),
];

export const checkTask = (task: WantedTask): BbsError | undefined => invalidRequest(taskProblems(task));
