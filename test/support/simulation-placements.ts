import type { BbsEvent } from '../../common/model/events.js';
import type { CommittedTables } from '../../bbs/store/schema.js';
import type { ContainerIdentity } from '../../cell-rep/core/identity.js';

/** Whether what starts may start: the board has given it that place, and nobody else has it under the same placement. */
export interface PlacementWitness {
  /** a board has opened: what is committed */
  reset(tables: CommittedTables): void;
  tell(event: BbsEvent): void;
  /** the main process of a container is started */
  started(identity: ContainerIdentity): void;
}

/** `complain` is told of what must never happen. */
export const createPlacementWitness = (complain: (problem: string) => void): PlacementWitness => {
  /** instance guids that have held a slot, and guids of tasks that have run */
  const granted = new Set<string>();
  /** instance guids that hold a slot */
  let held = new Set<string>();
  /** placement id → guid of the container started for it */
  const used = new Map<string, string>();
  const grant = (guid: string): void => {
    granted.add(guid);
    held.add(guid);
  };
  return {
    reset({ actual_lrps, tasks }) {
      held = new Set();
      for (const [, { instanceGuid, presence }] of actual_lrps.entries()) {
        grant(instanceGuid);
        if (presence === 'SUSPECT') held.delete(instanceGuid);
      }
      for (const [, { taskGuid, state }] of tasks.entries()) if (state !== 'Pending') granted.add(taskGuid);
    },
    tell(event) {
      if (event.kind === 'actual_lrp_instance_created') grant(event.actualLrp.instanceGuid);
      if (event.kind === 'actual_lrp_instance_removed') held.delete(event.actualLrp.instanceGuid);
      if (event.kind === 'actual_lrp_instance_changed') {
        held.delete(event.before.instanceGuid);
        grant(event.after.instanceGuid);
        // its cell is lost, and its place is to be filled again
        if (event.after.presence === 'SUSPECT') held.delete(event.after.instanceGuid);
      }
      if (event.kind === 'task_changed' && event.after.state === 'Running') granted.add(event.after.taskGuid);
    },
    started({ kind, guid, placementId }) {
      if (!granted.has(guid)) complain(`${kind} ${guid} was started without a claim`);
      if (placementId === '') return;
      const before = used.get(placementId);
      // a slot that is free once more may be taken by work of long ago: that is one place again
      if (before !== undefined && before !== guid && held.has(before))
        complain(`placement ${placementId} was started as ${before}, and as ${guid}`);
      used.set(placementId, guid);
    },
  };
};
