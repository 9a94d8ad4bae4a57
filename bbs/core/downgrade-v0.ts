/**
 * Desired LRPs in the oldest form that Diego's event streams still tell (its format V0): downloads instead of cached
 * dependencies, and timeouts in their old units beside the new ones.
 */
import type { Action, DownloadAction, TimeoutAction } from '../../common/model/action.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import { desiredLrpV2 } from './downgrade.js';

const NS_PER_MS = 1e6;
const MS_PER_S = 1_000;

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

/** Checksums have no place there, as in Diego. */
const dependenciesAsSetup = (lrp: DesiredLrp): DesiredLrp => {
  const { cachedDependencies, legacyDownloadUser: user, setup } = lrp;
  if (cachedDependencies.length === 0) return lrp;
  const actions = cachedDependencies.map(({ name, from, to, cacheKey, logSource }) => {
    const checksum = { checksumAlgorithm: '', checksumValue: '' };
    const download: DownloadAction = { artifact: name, from, to, cacheKey, logSource, user, ...checksum };
    return { download };
  });
  const first: Action = { parallel: { actions, logSource: '' } };
  const inTurn = setup ? [first, setup] : [first];
  return { ...lrp, setup: { serial: { actions: inTurn, logSource: '' } }, cachedDependencies: [] };
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

export const desiredLrpV0 = (lrp: DesiredLrp): DesiredLrp =>
  dependenciesAsSetup(timeoutsToV0(desiredLrpV2(lrp)));
