/** Operator calls: POST /api/v1 of the master (mesos-v1.md §16). */
import type { Result } from '../../../common/model/result.js';
import { err, ok } from '../../../common/model/result.js';
import type {
  Draft,
  Duration,
  GetMaster,
  MasterCall,
  MasterCallType,
  MasterResponse,
} from '../../protocol/messages.js';
import { markGone } from './agent-loss.js';
import { deactivateAgent, drainAgent, reactivateAgent } from './drain.js';
import { removeFramework } from './frameworks.js';
import { maintenanceStatus, startMaintenance, stopMaintenance, updateSchedule } from './maintenance.js';
import { masterInfo, VERSION } from './master-info.js';
import { rolesView } from './role-views.js';
import type { Master } from './state.js';
import { getAgents, getExecutors, getFrameworks, getOperations, getState, getTasks } from './views.js';

/** What was refused, and with which status. */
export interface CallRefusal {
  readonly status: 400 | 404 | 501;
  readonly text: string;
}

/** undefined: done, with nothing to say */
type Answer = Result<Draft<MasterResponse> | undefined, CallRefusal>;

const done: Answer = ok(undefined);

const refused = (text: string, status: CallRefusal['status'] = 400): Answer => err({ status, text });

const unless = (problem: string | undefined): Answer => (problem === undefined ? done : refused(problem));

const getMaster = (m: Master): Draft<GetMaster> => ({
  masterInfo: masterInfo(m),
  startTime: m.startedAtMs / 1000,
  electedTime: m.startedAtMs / 1000,
});

const flagsView = ({ flags }: Master) =>
  Object.entries(flags).map(([name, value]) => ({
    name: name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value: name.endsWith('Ms') ? `${Number(value) / 1000}secs` : JSON.stringify(value),
  }));

type Get = (m: Master) => Draft<MasterResponse>;

const GET: Partial<Record<MasterCallType, Get>> = {
  GET_HEALTH: () => ({ type: 'GET_HEALTH', getHealth: { healthy: true } }),
  GET_VERSION: () => ({ type: 'GET_VERSION', getVersion: { versionInfo: { version: VERSION } } }),
  GET_FLAGS: (m) => ({ type: 'GET_FLAGS', getFlags: { flags: flagsView(m) } }),
  GET_MASTER: (m) => ({ type: 'GET_MASTER', getMaster: getMaster(m) }),
  GET_STATE: (m) => ({ type: 'GET_STATE', getState: getState(m) }),
  GET_AGENTS: (m) => ({ type: 'GET_AGENTS', getAgents: getAgents(m) }),
  GET_FRAMEWORKS: (m) => ({ type: 'GET_FRAMEWORKS', getFrameworks: getFrameworks(m) }),
  GET_EXECUTORS: (m) => ({ type: 'GET_EXECUTORS', getExecutors: getExecutors(m) }),
  GET_TASKS: (m) => ({ type: 'GET_TASKS', getTasks: getTasks(m) }),
  GET_ROLES: (m) => ({ type: 'GET_ROLES', getRoles: { roles: rolesView(m) } }),
  GET_WEIGHTS: () => ({ type: 'GET_WEIGHTS' }),
  GET_QUOTA: () => ({ type: 'GET_QUOTA', getQuota: { status: {} } }),
  GET_OPERATIONS: (m) => ({ type: 'GET_OPERATIONS', getOperations: { operations: getOperations(m) } }),
  GET_MAINTENANCE_STATUS: (m) => ({
    type: 'GET_MAINTENANCE_STATUS',
    getMaintenanceStatus: { status: maintenanceStatus(m) },
  }),
  GET_MAINTENANCE_SCHEDULE: (m) => ({
    type: 'GET_MAINTENANCE_SCHEDULE',
    getMaintenanceSchedule: { schedule: m.registry.schedule },
  }),
};

const teardown = (m: Master, id: string): Answer => {
  const framework = m.frameworks.get(id);
  if (framework === undefined) return refused('No framework found with specified ID');
  removeFramework(m, framework);
  return done;
};

const gone = (m: Master, id: string): Answer =>
  markGone(m, id) === 'marked' ? done : refused(`Agent '${id}' not found`, 404);

/** A protobuf Duration; `nanoseconds`, as Mesos's own durations have it, is not read. */
const nanosecondsIn = (duration: Duration | undefined): bigint | undefined =>
  duration && BigInt(duration.seconds ?? 0) * 1_000_000_000n + BigInt(duration.nanos ?? 0);

const write = (m: Master, call: MasterCall): Answer | undefined => {
  if (call.type === 'TEARDOWN' && call.teardown) return teardown(m, call.teardown.frameworkId.value);
  if (call.type === 'MARK_AGENT_GONE' && call.markAgentGone) return gone(m, call.markAgentGone.agentId.value);
  if (call.type === 'DRAIN_AGENT' && call.drainAgent) {
    const { agentId, maxGracePeriod, markGone: gone = false } = call.drainAgent;
    const maxGraceNanoseconds = nanosecondsIn(maxGracePeriod);
    return unless(drainAgent(m, { agentId: agentId.value, maxGraceNanoseconds, markGone: gone }));
  }
  if (call.type === 'DEACTIVATE_AGENT' && call.deactivateAgent)
    return unless(deactivateAgent(m, call.deactivateAgent.agentId.value));
  if (call.type === 'REACTIVATE_AGENT' && call.reactivateAgent)
    return unless(reactivateAgent(m, call.reactivateAgent.agentId.value));
  return maintain(m, call);
};

const maintain = (m: Master, call: MasterCall): Answer | undefined => {
  if (call.type === 'UPDATE_MAINTENANCE_SCHEDULE' && call.updateMaintenanceSchedule)
    return unless(updateSchedule(m, call.updateMaintenanceSchedule.schedule));
  if (call.type === 'START_MAINTENANCE' && call.startMaintenance)
    return unless(startMaintenance(m, call.startMaintenance.machines));
  if (call.type === 'STOP_MAINTENANCE' && call.stopMaintenance)
    return unless(stopMaintenance(m, call.stopMaintenance.machines));
  return undefined;
};

const WRITES: ReadonlySet<MasterCallType> = new Set<MasterCallType>([
  'TEARDOWN',
  'MARK_AGENT_GONE',
  'DRAIN_AGENT',
  'DEACTIVATE_AGENT',
  'REACTIVATE_AGENT',
  'UPDATE_MAINTENANCE_SCHEDULE',
  'START_MAINTENANCE',
  'STOP_MAINTENANCE',
]);

const invalid = (reason: string): Answer => refused(`Failed to validate master::Call: ${reason}`);

/** Every call but SUBSCRIBE. */
export const performOperator = (m: Master, call: MasterCall): Answer => {
  const { type } = call;
  if (type === undefined) return invalid("Expecting 'type' to be present");
  const get = GET[type];
  if (get !== undefined) return ok(get(m));
  if (!WRITES.has(type)) return refused(`${type} is not implemented by this simulated master`, 501);
  return write(m, call) ?? invalid(`Expecting '${type.toLowerCase()}' to be present`);
};
