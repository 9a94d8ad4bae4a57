/** The life of a framework at its master: subscription, failover, absence, removal (mesos-v1.md §3). */
import type { Result } from '../../../common/model/result.js';
import { err, ok } from '../../../common/model/result.js';
import type { CallSubscribe, FrameworkInfo } from '../../protocol/messages.js';
import { refreshActive } from './allocator.js';
import { isTerminal } from '../../core/task-status.js';
import { masterStatusOf, tell, tellOperators } from './events.js';
import {
  capabilitiesOf,
  frameworkIdOf,
  frameworkInfoProblem,
  immutableProblem,
  PRINCIPAL_CHANGED,
  rolesOf,
  subscriptionProblem,
} from './framework-info.js';
import { dropInverse } from './inverse-offers.js';
import { nextFrameworkId } from './ids.js';
import { compileConstraints } from './offer-constraints.js';
import type { CompiledConstraints } from './offer-constraints.js';
import { discard, rescind } from './offers.js';
import { runLaterOverAll, runSoonOverAll } from './runs.js';
import { complete, dropExecutor, dropTask, applyStatus } from './tasks.js';
import { masterInfo } from './master-info.js';
import { frameworkView } from './views.js';
import type { EventSink, Framework, Master, SchedulerStream } from './state.js';
import type { SchedulerEvent } from '../../protocol/messages.js';

export interface Subscription {
  readonly subscribe: CallSubscribe;
  readonly streamId: string;
  readonly sink: EventSink<SchedulerEvent>;
  /** as authenticated */
  readonly principal: string | undefined;
}

const newFramework = (id: string, info: FrameworkInfo): Framework => ({
  id,
  info,
  capabilities: capabilitiesOf(info),
  roles: new Set(rolesOf(info)),
  suppressed: new Set(),
  wantedConstraints: undefined,
  constraints: new Map(),
  state: 'recovered',
  stream: undefined,
  registeredAtMs: undefined,
  reregisteredAtMs: undefined,
  unregisteredAtMs: undefined,
  tasks: new Map(),
  unreachableTasks: new Map(),
  completedTasks: [],
  executors: new Map(),
  offers: new Set(),
  inverseOffers: new Set(),
  charged: new Map(),
  operations: new Map(),
  filters: new Map(),
  inverseFilters: new Map(),
  failover: undefined,
});

/** A framework that agents tell of, and that has not subscribed to this master. */
export const recoverFramework = (m: Master, info: FrameworkInfo): Framework | undefined => {
  const id = frameworkIdOf(info);
  if (id === undefined) return undefined;
  const framework = newFramework(id, info);
  m.frameworks.set(id, framework);
  return framework;
};

interface Change {
  readonly info: FrameworkInfo;
  readonly subscribe: CallSubscribe;
  readonly constraints: CompiledConstraints;
}

/** Roles that are suppressed no longer start without filters. */
const applyChange = (framework: Framework, { info, subscribe, constraints }: Change): void => {
  framework.info = info;
  framework.capabilities = capabilitiesOf(info);
  framework.roles = new Set(rolesOf(info));
  const suppressed = new Set(subscribe.suppressedRoles);
  for (const role of framework.suppressed) if (!suppressed.has(role)) framework.filters.delete(role);
  framework.suppressed.clear();
  for (const role of suppressed) framework.suppressed.add(role);
  framework.wantedConstraints = subscribe.offerConstraints;
  framework.constraints = constraints;
};

/** `user` and `checkpoint` stay what they were at first. */
const keepingImmutable = (old: FrameworkInfo, changed: FrameworkInfo): FrameworkInfo => ({
  ...changed,
  user: old.user,
  checkpoint: old.checkpoint ?? false,
});

const refuseStream = (sink: EventSink<SchedulerEvent>, message: string): void => {
  sink.send({ type: 'ERROR', error: { message } });
  sink.end();
};

const voidOffers = (m: Master, framework: Framework): void => {
  for (const offer of framework.offers) discard(m, offer);
  for (const offer of framework.inverseOffers) dropInverse(m, offer);
};

const endStream = (framework: Framework): SchedulerStream | undefined => {
  const { stream } = framework;
  stream?.stopHeartbeats();
  framework.stream = undefined;
  return stream;
};

const openStream = (m: Master, { streamId, sink }: Subscription): SchedulerStream => ({
  id: streamId,
  sink,
  stopHeartbeats: m.clock.every(m.flags.heartbeatMs, () => sink.send({ type: 'HEARTBEAT' })),
});

/** Agents where something of it runs. */
export const agentsOf = (framework: Framework): Set<string> =>
  new Set([...framework.executors.keys(), ...[...framework.tasks.values()].map(({ agentId }) => agentId)]);

const tellAgents = (m: Master, framework: Framework): void => {
  for (const id of agentsOf(framework))
    m.agents.get(id)?.link?.send({ kind: 'update-framework', framework: framework.info });
};

const attach = (m: Master, framework: Framework, subscription: Subscription): void => {
  framework.failover?.();
  framework.failover = undefined;
  framework.stream = openStream(m, subscription);
  framework.state = 'connected';
  const now = m.clock.now();
  framework.registeredAtMs ??= now;
  framework.reregisteredAtMs = now;
  refreshActive(m, framework);
  tell(framework, {
    type: 'SUBSCRIBED',
    subscribed: {
      frameworkId: { value: framework.id },
      heartbeatIntervalSeconds: m.flags.heartbeatMs / 1000,
      masterInfo: masterInfo(m),
    },
  });
  tell(framework, { type: 'HEARTBEAT' });
};

const subscribeNew = (m: Master, subscription: Subscription, change: Change): Framework => {
  const id = frameworkIdOf(change.info) ?? nextFrameworkId(m);
  const framework = newFramework(id, { ...change.info, id: { value: id } });
  applyChange(framework, { ...change, info: framework.info });
  m.frameworks.set(id, framework);
  attach(m, framework, subscription);
  tellOperators(m, () => ({
    type: 'FRAMEWORK_ADDED',
    frameworkAdded: { framework: frameworkView(framework) },
  }));
  runSoonOverAll(m);
  return framework;
};

const takeOver = (m: Master, framework: Framework): void => {
  const old = endStream(framework);
  if (old !== undefined) refuseStream(old.sink, 'Framework failed over');
  voidOffers(m, framework);
};

const resubscribe = (
  m: Master,
  framework: Framework,
  subscription: Subscription,
  change: Change,
): Framework | undefined => {
  if (framework.state !== 'recovered' && framework.info.principal !== change.info.principal) {
    refuseStream(subscription.sink, PRINCIPAL_CHANGED);
    return undefined;
  }
  const live = framework.state === 'connected';
  takeOver(m, framework);
  applyChange(framework, { ...change, info: keepingImmutable(framework.info, change.info) });
  attach(m, framework, subscription);
  tellAgents(m, framework);
  tellOperators(m, () => ({
    type: 'FRAMEWORK_UPDATED',
    frameworkUpdated: { framework: frameworkView(framework) },
  }));
  if (live) runLaterOverAll(m);
  else runSoonOverAll(m);
  return framework;
};

const checkSubscription = (m: Master, subscribe: CallSubscribe): Result<CompiledConstraints, string> => {
  const { frameworkInfo } = subscribe;
  const problem = frameworkInfoProblem(frameworkInfo) ?? subscriptionProblem(subscribe, m.flags);
  if (problem !== undefined) return err(problem);
  if (m.completed.has(frameworkIdOf(frameworkInfo) ?? '')) return err('Framework has been removed');
  return compileConstraints(subscribe.offerConstraints);
};

/** SUBSCRIBE. A refusal comes as an ERROR event on the stream, which ends then: undefined. */
export const subscribe = (m: Master, subscription: Subscription): Framework | undefined => {
  const checked = checkSubscription(m, subscription.subscribe);
  if (!checked.ok) {
    refuseStream(subscription.sink, checked.error);
    return undefined;
  }
  const { frameworkInfo } = subscription.subscribe;
  const principal = frameworkInfo.principal ?? subscription.principal;
  const info = { ...frameworkInfo, ...(principal !== undefined && { principal }) };
  const change: Change = { info, subscribe: subscription.subscribe, constraints: checked.value };
  const known = m.frameworks.get(frameworkIdOf(info) ?? '');
  return known === undefined
    ? subscribeNew(m, subscription, change)
    : resubscribe(m, known, subscription, change);
};

/** UPDATE_FRAMEWORK: all of it or nothing. */
export const updateFramework = (
  m: Master,
  framework: Framework,
  update: CallSubscribe,
): Result<undefined, string> => {
  const problem = frameworkInfoProblem(update.frameworkInfo) ?? subscriptionProblem(update, m.flags);
  if (problem !== undefined) return err(`Supplied FrameworkInfo is not valid: ${problem}`);
  const constraints = compileConstraints(update.offerConstraints);
  if (!constraints.ok) return constraints;
  const fixed = immutableProblem(framework.info, update.frameworkInfo);
  if (fixed !== undefined) return err(`FrameworkInfo update is not valid: ${fixed}`);
  applyChange(framework, { info: update.frameworkInfo, subscribe: update, constraints: constraints.value });
  for (const offer of framework.offers) if (!framework.roles.has(offer.role)) rescind(m, offer);
  refreshActive(m, framework);
  tellAgents(m, framework);
  tellOperators(m, () => ({
    type: 'FRAMEWORK_UPDATED',
    frameworkUpdated: { framework: frameworkView(framework) },
  }));
  runLaterOverAll(m);
  return ok(undefined);
};

const failoverMs = ({ info }: Framework): number => Math.max(0, info.failoverTimeout ?? 0) * 1000;

const awaitReturn = (m: Master, framework: Framework): void => {
  const ms = failoverMs(framework);
  if (ms === 0) return removeFramework(m, framework);
  framework.failover = m.clock.after(ms, () => removeFramework(m, framework));
};

/** Its stream has closed. Nothing happens when another has taken its place. */
export const disconnectFramework = (m: Master, framework: Framework, streamId: string): void => {
  if (m.ended || framework.stream?.id !== streamId) return;
  endStream(framework);
  framework.state = 'disconnected';
  framework.filters.clear();
  framework.inverseFilters.clear();
  voidOffers(m, framework);
  refreshActive(m, framework);
  awaitReturn(m, framework);
};

const killTasks = (m: Master, framework: Framework): void => {
  for (const task of framework.tasks.values()) {
    if (!isTerminal(task.state))
      applyStatus(
        m,
        task,
        masterStatusOf(m, task, {
          state: 'TASK_KILLED',
          reason: 'REASON_FRAMEWORK_REMOVED',
          message: `Framework ${framework.id} removed`,
        }),
      );
    const agent = m.agents.get(task.agentId);
    if (agent !== undefined) dropTask(m, agent, task);
    complete(m, task);
  }
  for (const task of framework.unreachableTasks.values()) complete(m, task);
  framework.unreachableTasks.clear();
};

const dropExecutors = (m: Master, framework: Framework): void => {
  for (const [agentId, executors] of framework.executors) {
    const agent = m.agents.get(agentId);
    if (agent === undefined) continue;
    for (const executor of executors.values()) dropExecutor(m, agent, executor);
  }
};

const rememberCompleted = (m: Master, framework: Framework): void => {
  m.completed.set(framework.id, framework);
  if (m.completed.size <= m.flags.maxCompletedFrameworks) return;
  const [oldest] = m.completed.keys();
  if (oldest !== undefined) m.completed.delete(oldest);
};

/** For good: all that it runs is shut down, and its id is refused from now on. */
export const removeFramework = (m: Master, framework: Framework): void => {
  framework.failover?.();
  const stream = endStream(framework);
  framework.state = 'disconnected';
  voidOffers(m, framework);
  refreshActive(m, framework);
  // every agent: one may say what the framework has acknowledged already until it hears of it
  for (const { link } of m.agents.values())
    link?.send({ kind: 'shutdown-framework', frameworkId: framework.id });
  killTasks(m, framework);
  dropExecutors(m, framework);
  framework.filters.clear();
  framework.unregisteredAtMs = m.clock.now();
  m.frameworks.delete(framework.id);
  rememberCompleted(m, framework);
  tellOperators(m, () => ({
    type: 'FRAMEWORK_REMOVED',
    frameworkRemoved: { frameworkInfo: framework.info },
  }));
  stream?.sink.end();
};

/** No roles, or one that it does not have: undefined. */
const rolesNamed = (framework: Framework, roles: readonly string[]): readonly string[] | undefined => {
  if (roles.length === 0) return [...framework.roles];
  return roles.every((role) => framework.roles.has(role)) ? roles : undefined;
};

/** REVIVE; one role that it does not have makes the whole call go nowhere. */
export const revive = (m: Master, framework: Framework, roles: readonly string[]): void => {
  const named = rolesNamed(framework, roles);
  if (named === undefined) return;
  for (const role of named) {
    framework.suppressed.delete(role);
    framework.filters.delete(role);
  }
  framework.inverseFilters.clear();
  refreshActive(m, framework);
  runSoonOverAll(m);
};

/** SUPPRESS; offers that are out stay valid. */
export const suppress = (m: Master, framework: Framework, roles: readonly string[]): void => {
  for (const role of rolesNamed(framework, roles) ?? []) framework.suppressed.add(role);
  refreshActive(m, framework);
};
