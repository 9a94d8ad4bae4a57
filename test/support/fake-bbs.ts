import { createTransitionApi } from '../../bbs/controllers/transitions.js';
import type { StartActualLrp, TaskCompletion } from '../../bbs/index.js';
import type { RepBbs } from '../../cell-rep/containers/context.js';
import type { BbsErrorType, BbsResult } from '../../common/model/bbs-error.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';

/** A row as the board has it of an instance that a cell has claimed. */
export const claimedRow = (over: Partial<ActualLrp> = {}): ActualLrp => ({
  processGuid: 'app',
  index: 0,
  domain: 'test',
  instanceGuid: '',
  cellId: 'cell-1',
  address: '',
  ports: [],
  instanceAddress: '',
  preferredAddress: 'UNKNOWN',
  instanceIpv6Address: '',
  crashCount: 0,
  crashReason: '',
  state: 'CLAIMED',
  placementError: '',
  since: 0,
  modificationTag: { epoch: 'e', index: 1 },
  presence: 'ORDINARY',
  internalRoutes: [],
  metricTags: {},
  availabilityZone: '',
  ...over,
});

/** The calls that a rep makes, on a few maps, with a switch for being away. */
export interface FakeBbs extends RepBbs {
  readonly desired: Map<string, DesiredLrp>;
  /** rows by instance guid */
  readonly rows: Map<string, ActualLrp>;
  readonly allTasks: Map<string, Task>;
  /** `claim g1`, `start g1 routable`, `crash g1: reason`, `remove g1`, … in order */
  readonly calls: string[];
  readonly completions: TaskCompletion[];
  readonly starts: StartActualLrp[];
  /** nobody answers */
  away: boolean;
  /** the next call of that name is refused with this type */
  refuse: Map<string, BbsErrorType>;
  leaseHolder: string;
  /** what `evacuate-running` is answered: the container is to be kept */
  keeps: boolean;
}

const done = async (): Promise<BbsResult<void>> => ({ ok: true, value: undefined });

const fail = (type: BbsErrorType, unavailable = false) => ({
  ok: false as const,
  error: { type, message: type, ...(unavailable ? { unavailable: true as const } : {}) },
});

export const createFakeBbs = (): FakeBbs => {
  const calls: string[] = [];

  const guard = (name: string) => {
    if (bbs.away) return fail('UnknownError', true);
    const type = bbs.refuse.get(name);
    if (type === undefined) return undefined;
    bbs.refuse.delete(name);
    return fail(type);
  };

  const bbs: FakeBbs = {
    desired: new Map(),
    rows: new Map(),
    allTasks: new Map(),
    calls,
    completions: [],
    starts: [],
    away: false,
    refuse: new Map(),
    leaseHolder: '',
    keeps: true,
    async desiredLrps({ processGuids }) {
      if (bbs.away) return fail('UnknownError', true);
      const all = [...bbs.desired.values()];
      return { ok: true, value: all.filter((lrp) => processGuids?.includes(lrp.processGuid) ?? true) };
    },
    async desiredLrp(processGuid) {
      const refused = guard('desired');
      if (refused !== undefined) return refused;
      const lrp = bbs.desired.get(processGuid);
      return lrp === undefined ? fail('ResourceNotFound') : { ok: true, value: lrp };
    },
    async actualLrps() {
      return bbs.away
        ? fail('UnknownError', true)
        : { ok: true, value: structuredClone([...bbs.rows.values()]) };
    },
    async claimActualLrp({ key, instanceKey }) {
      const refused = guard('claim');
      if (refused !== undefined) return refused;
      calls.push(`claim ${key.processGuid}.${key.index}`);
      bbs.rows.set(instanceKey.instanceGuid, claimedRow({ ...key, ...instanceKey }));
      return done();
    },
    async startActualLrp(start) {
      const refused = guard('start');
      if (refused !== undefined) return refused;
      calls.push(`start ${start.key.processGuid}.${start.key.index} routable=${start.routable}`);
      bbs.starts.push(start);
      const { instanceGuid, cellId } = start.instanceKey;
      bbs.rows.set(instanceGuid, claimedRow({ ...start.key, instanceGuid, cellId, state: 'RUNNING' }));
      return done();
    },
    async crashActualLrp({ key, instanceKey, reason }) {
      const refused = guard('crash');
      if (refused !== undefined) return refused;
      calls.push(`crash ${key.processGuid}.${key.index}: ${reason}`);
      bbs.rows.delete(instanceKey.instanceGuid);
      return done();
    },
    async removeActualLrp({ key, instanceKey }) {
      const refused = guard('remove');
      if (refused !== undefined) return refused;
      calls.push(`remove ${key.processGuid}.${key.index}`);
      return bbs.rows.delete(instanceKey?.instanceGuid ?? '') ? done() : fail('ResourceNotFound');
    },
    async evacuateClaimedActualLrp({ key, instanceKey }) {
      const refused = guard('evacuate-claimed');
      if (refused !== undefined) return refused;
      calls.push(`evacuate-claimed ${key.processGuid}.${key.index}`);
      return bbs.rows.delete(instanceKey.instanceGuid)
        ? { ok: true, value: false }
        : fail('ResourceNotFound');
    },
    async evacuateRunningActualLrp(start) {
      const refused = guard('evacuate-running');
      if (refused !== undefined) return refused;
      calls.push(`evacuate-running ${start.key.processGuid}.${start.key.index} routable=${start.routable}`);
      bbs.starts.push(start);
      const { instanceGuid, cellId } = start.instanceKey;
      const copy = claimedRow({ ...start.key, instanceGuid, cellId, state: 'RUNNING' });
      if (bbs.keeps) bbs.rows.set(instanceGuid, { ...copy, presence: 'EVACUATING' });
      else bbs.rows.delete(instanceGuid);
      return { ok: true, value: bbs.keeps };
    },
    async evacuateStoppedActualLrp({ key, instanceKey }) {
      const refused = guard('evacuate-stopped');
      if (refused !== undefined) return refused;
      calls.push(`evacuate-stopped ${key.processGuid}.${key.index}`);
      return bbs.rows.delete(instanceKey.instanceGuid)
        ? { ok: true, value: false }
        : fail('ResourceNotFound');
    },
    async evacuateCrashedActualLrp({ key, instanceKey, reason }) {
      const refused = guard('evacuate-crashed');
      if (refused !== undefined) return refused;
      calls.push(`evacuate-crashed ${key.processGuid}.${key.index}: ${reason}`);
      return bbs.rows.delete(instanceKey.instanceGuid)
        ? { ok: true, value: false }
        : fail('ResourceNotFound');
    },
    async removeEvacuatingActualLrp({ key, instanceKey }) {
      const refused = guard('remove-evacuating');
      if (refused !== undefined) return refused;
      calls.push(`remove-evacuating ${key.processGuid}.${key.index}`);
      return bbs.rows.delete(instanceKey.instanceGuid) ? done() : fail('ResourceNotFound');
    },
    async tasks() {
      return bbs.away ? fail('UnknownError', true) : { ok: true, value: [...bbs.allTasks.values()] };
    },
    async task(guid) {
      const refused = guard('task');
      if (refused !== undefined) return refused;
      const task = bbs.allTasks.get(guid);
      return task === undefined ? fail('ResourceNotFound') : { ok: true, value: task };
    },
    async startTask(guid, cellId) {
      const refused = guard('startTask');
      if (refused !== undefined) return refused;
      calls.push(`start-task ${guid}`);
      const task = bbs.allTasks.get(guid);
      if (task === undefined) return fail('ResourceNotFound');
      if (task.state === 'Running' && task.cellId === cellId) return { ok: true, value: false };
      if (task.state !== 'Pending') return fail('InvalidStateTransition');
      Object.assign(task, { state: 'Running', cellId });
      return { ok: true, value: true };
    },
    async completeTask(completion) {
      const refused = guard('complete');
      if (refused !== undefined) return refused;
      bbs.completions.push(completion);
      calls.push(`complete ${completion.taskGuid} failed=${completion.failed}`);
      const task = bbs.allTasks.get(completion.taskGuid);
      if (task !== undefined) Object.assign(task, { state: 'Completed', cellId: '' });
      return done();
    },
    async rejectTask(guid, reason) {
      calls.push(`reject ${guid}: ${reason}`);
      return done();
    },
    // each by itself, as the board does it
    transitions: (list, traceId) =>
      createTransitionApi(bbs as unknown as Parameters<typeof createTransitionApi>[0]).transitions(
        list,
        traceId,
      ),
    async acquireLease(request) {
      if (bbs.away) return fail('UnknownError', true);
      calls.push(`lease ${request.name}`);
      if (bbs.leaseHolder === '') bbs.leaseHolder = request.owner;
      return {
        ok: true,
        value: { held: bbs.leaseHolder === request.owner, epoch: 1, holder: bbs.leaseHolder },
      };
    },
    async releaseLease(name, owner) {
      calls.push(`release ${name}`);
      if (bbs.leaseHolder === owner) bbs.leaseHolder = '';
      return done();
    },
  };
  return bbs;
};
