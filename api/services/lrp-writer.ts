import type { DesiredLrpApi } from '../../bbs/index.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { Random } from '../../common/ports/random.js';
import type { ApiFailure } from '../core/failure.js';
import { codedFailure } from '../core/failure.js';
import { APPS_DOMAIN } from '../core/lrp-parts.js';
import type { LrpPlan } from '../core/reconcile.js';
import { planLrps } from '../core/reconcile.js';
import type { State } from '../store/state.js';

export const bbsFailure = (error: BbsError): ApiFailure =>
  error.unavailable
    ? codedFailure('BBS_UNAVAILABLE', { reason: error.message })
    : codedFailure('BBS_REFUSED', { reason: error.message });

/** Absence is what a removal wants, presence what a creation wants. */
const settled = (result: BbsResult<void>, fine: BbsError['type']): Result<void, ApiFailure[]> =>
  result.ok || result.error.type === fine ? ok(undefined) : err([bbsFailure(result.error)]);

/** Runs the steps of a plan, removals first, and stops at the first that fails. */
const carryOut = async (
  bbs: DesiredLrpApi,
  plan: LrpPlan,
  traceId: string,
): Promise<Result<void, ApiFailure[]>> => {
  const steps = [
    ...plan.remove.map(
      (guid) => async () => settled(await bbs.removeDesiredLrp(guid, traceId), 'ResourceNotFound'),
    ),
    ...plan.desire.map((lrp) => async () => settled(await bbs.desireLrp(lrp, traceId), 'ResourceExists')),
    ...plan.update.map(
      ({ processGuid, update }) =>
        async () =>
          settled(await bbs.updateDesiredLrp(processGuid, update, traceId), 'ResourceNotFound'),
    ),
  ];
  for (const step of steps) {
    const outcome = await step();
    if (!outcome.ok) return outcome;
  }
  return ok(undefined);
};

/** Brings the BBS to what one app wants. Calls for one app must not overlap. */
export interface LrpWriter {
  write(appGuid: string): Promise<Result<void, ApiFailure[]>>;
  /** told of LRPs that the BBS has, so that those no longer wanted are found */
  remember(existing: readonly DesiredLrp[]): void;
}

export const createLrpWriter = (options: { state: State; bbs: DesiredLrpApi; random: Random }): LrpWriter => {
  const { state, bbs, random } = options;
  /** app → guids of its LRPs that the BBS has, or may have */
  const known = new Map<string, Set<string>>();

  const wanted = (appGuid: string): string[] =>
    planLrps(state.tables, state.settings, { existing: [], appGuid }).desire.map((lrp) => lrp.processGuid);

  const remember = (appGuid: string, guids: readonly string[]): void => {
    if (guids.length > 0) known.set(appGuid, new Set([...(known.get(appGuid) ?? []), ...guids]));
  };

  return {
    remember(existing) {
      for (const lrp of existing) remember(lrp.logGuid, [lrp.processGuid]);
    },
    async write(appGuid) {
      remember(appGuid, wanted(appGuid));
      const guids = [...(known.get(appGuid) ?? [])];
      if (guids.length === 0) return ok(undefined);
      const existing = await bbs.desiredLrps({ domain: APPS_DOMAIN, processGuids: guids });
      if (!existing.ok) return err([bbsFailure(existing.error)]);
      const plan = planLrps(state.tables, state.settings, { existing: existing.value, appGuid });
      remember(
        appGuid,
        plan.desire.map((lrp) => lrp.processGuid),
      );
      const outcome = await carryOut(bbs, plan, random.uuid());
      if (!outcome.ok) return outcome;
      const left = new Set([...existing.value, ...plan.desire].map((lrp) => lrp.processGuid));
      for (const guid of plan.remove) left.delete(guid);
      if (left.size > 0) known.set(appGuid, left);
      else known.delete(appGuid);
      return ok(undefined);
    },
  };
};
