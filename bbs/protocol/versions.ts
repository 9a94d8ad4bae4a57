/**
 * Desired LRPs and tasks as older clients of Diego know them (bbs models: versions V2 and V0). The current form, V3, is
 * the one that is stored.
 */
import type { Action, DownloadAction, TimeoutAction } from '../../common/model/action.js';
import type { CachedDependency, DesiredLrp, ImageLayer } from '../../common/model/lrp.js';
import type { Task, TaskDefinition } from '../../common/model/task.js';

const NS_PER_MS = 1e6;
const MS_PER_S = 1_000;

const algorithmOf = ({ digestAlgorithm }: ImageLayer): string =>
  digestAlgorithm === 'DigestAlgorithmInvalid' ? '' : digestAlgorithm.toLowerCase();

const asDependency = (layer: ImageLayer): CachedDependency => {
  const { name, url, destinationPath, digestValue } = layer;
  const checksumAlgorithm = algorithmOf(layer);
  return {
    name,
    from: url,
    to: destinationPath,
    cacheKey: digestValue === '' ? url : `${checksumAlgorithm}:${digestValue}`,
    logSource: '',
    checksumAlgorithm,
    checksumValue: digestValue,
  };
};

const asDownload = (layer: ImageLayer, user: string): DownloadAction => {
  const { name, url, destinationPath, digestValue } = layer;
  const checksumAlgorithm = algorithmOf(layer);
  return {
    artifact: name,
    from: url,
    to: destinationPath,
    cacheKey: `${checksumAlgorithm}:${digestValue}`,
    logSource: '',
    user,
    checksumAlgorithm,
    checksumValue: digestValue,
  };
};

const together = (downloads: DownloadAction[]): Action => ({
  parallel: { actions: downloads.map((download) => ({ download })), logSource: '' },
});

const inTurn = (...actions: Action[]): Action => ({ serial: { actions, logSource: '' } });

/** What has image layers, in a desired LRP as in a task. */
type Layered = Pick<TaskDefinition, 'cachedDependencies' | 'imageLayers' | 'legacyDownloadUser'>;

const sharedFirst = ({ imageLayers, cachedDependencies }: Layered): CachedDependency[] => [
  ...imageLayers.filter(({ layerType }) => layerType === 'SHARED').map(asDependency),
  ...cachedDependencies,
];

/** The exclusive layers' downloads before what is done anyhow. */
const exclusiveFirst = ({ imageLayers, legacyDownloadUser }: Layered, then: Action | undefined) => {
  const exclusive = imageLayers.filter(({ layerType }) => layerType === 'EXCLUSIVE');
  if (exclusive.length === 0) return then;
  const downloads = together(exclusive.map((layer) => asDownload(layer, legacyDownloadUser)));
  return then ? inTurn(downloads, then) : downloads;
};

/** V2 knows no image layers: shared ones are dependencies, exclusive ones downloads of the setup. */
export const desiredLrpToV2 = (lrp: DesiredLrp): DesiredLrp => {
  if (lrp.imageLayers.length === 0) return lrp;
  const setup = exclusiveFirst(lrp, lrp.setup);
  return { ...lrp, cachedDependencies: sharedFirst(lrp), imageLayers: [], ...(setup && { setup }) };
};

/** As with desired LRPs, but that the exclusive layers come before the task's own action. */
export const taskToV2 = (task: Task): Task => {
  if (task.imageLayers.length === 0) return task;
  const action = exclusiveFirst(task, task.action);
  return { ...task, cachedDependencies: sharedFirst(task), imageLayers: [], ...(action && { action }) };
};

/** Fields that only clients of V0 read; they are written, and have no place in the model. */
type TimeoutV0 = TimeoutAction & { deprecatedTimeoutNs: number };
export type DesiredLrpV0 = DesiredLrp & { deprecatedStartTimeoutS: number };

const timeoutToV0 = (timeout: TimeoutAction): TimeoutV0 => ({
  ...timeout,
  deprecatedTimeoutNs: timeout.timeoutMs * NS_PER_MS,
});

type Nesting = { action?: Action } | { actions: Action[] };

/** The member of an action with those that it nests told in the old way, too. */
const nestedToV0 = <T extends Nesting>(member: T): T => {
  if ('actions' in member) return { ...member, actions: member.actions.map(actionToV0) };
  return 'action' in member && member.action ? { ...member, action: actionToV0(member.action) } : member;
};

const actionToV0 = (action: Action): Action => {
  const { timeout, emitProgress, try: attempt, parallel, serial, codependent } = action;
  return {
    ...action,
    ...(timeout && { timeout: timeoutToV0(nestedToV0(timeout)) }),
    ...(emitProgress && { emitProgress: nestedToV0(emitProgress) }),
    ...(attempt && { try: nestedToV0(attempt) }),
    ...(parallel && { parallel: nestedToV0(parallel) }),
    ...(serial && { serial: nestedToV0(serial) }),
    ...(codependent && { codependent: nestedToV0(codependent) }),
  };
};

/** V0 knows no cached dependencies either: they are downloads before the setup. */
const dependenciesAsSetup = (lrp: DesiredLrp): DesiredLrp => {
  const { cachedDependencies, legacyDownloadUser: user, setup } = lrp;
  if (cachedDependencies.length === 0) return lrp;
  const downloads = cachedDependencies.map(({ name, from, to, cacheKey, logSource }): DownloadAction => {
    return { artifact: name, from, to, cacheKey, logSource, user, checksumAlgorithm: '', checksumValue: '' };
  });
  const first = together(downloads);
  return { ...lrp, setup: setup ? inTurn(first, setup) : inTurn(first), cachedDependencies: [] };
};

const timeoutsToV0 = (lrp: DesiredLrp): DesiredLrpV0 => {
  const { setup, action, monitor, startTimeoutMs } = lrp;
  return {
    ...lrp,
    ...(setup && { setup: actionToV0(setup) }),
    ...(action && { action: actionToV0(action) }),
    ...(monitor && { monitor: actionToV0(monitor) }),
    deprecatedStartTimeoutS: Math.floor(startTimeoutMs / MS_PER_S),
  };
};

/** V0: the oldest form, with timeouts in their old units beside the new ones. */
export const desiredLrpToV0 = (lrp: DesiredLrp): DesiredLrp =>
  dependenciesAsSetup(timeoutsToV0(desiredLrpToV2(lrp)));
