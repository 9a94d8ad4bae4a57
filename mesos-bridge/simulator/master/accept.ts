/** What an ACCEPT does, step by step (mesos-v1.md §12). */
import type { Result } from '../../../common/model/result.js';
import { err, ok } from '../../../common/model/result.js';
import type { Resources } from '../../core/resources.js';
import { add, NO_RESOURCES, sum } from '../../core/resources.js';
import type {
  CallAccept,
  Filters,
  OfferId,
  OfferOperation,
  TaskInfo,
  TaskStatusReason,
} from '../../protocol/messages.js';
import { release, without } from './charges.js';
import { masterStatus, stateFor, tellStatus } from './events.js';
import { refusalSeconds, refuse } from './filters.js';
import { groupProblem } from './group-validation.js';
import { normalExecutor, normalOperation, normalTask } from './normalize.js';
import { discard, takeOffer } from './offers.js';
import { conversionOf, convert, convertAgent, operationFailed } from './operations.js';
import type { Agent, Framework, HeldOffer, Master } from './state.js';
import { neededBy, resourceProblem, taskProblem } from './task-validation.js';
import { addExecutor, addLaunched, executorOn } from './tasks.js';

/** One ACCEPT while its operations are carried out in their order. */
interface Acceptance {
  readonly m: Master;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  /** what of the offers no operation has used; charged */
  remaining: Resources;
  /** what operations made and none has used */
  made: Resources;
}

const heldOffers = (
  m: Master,
  framework: Framework,
  offerIds: readonly OfferId[],
): Result<HeldOffer[], string> => {
  const seen = new Set<string>();
  const offers: HeldOffer[] = [];
  for (const { value } of offerIds) {
    if (seen.has(value)) return err(`Duplicate offer ${value} in offer list`);
    seen.add(value);
  }
  for (const { value } of offerIds) {
    const offer = m.offers.get(value);
    if (offer === undefined) return err(`Offer ${value} is no longer valid`);
    if (offer.framework !== framework)
      return err(
        `Offer ${value} has invalid framework ${offer.framework.id} while framework ${framework.id} is expected`,
      );
    offers.push(offer);
  }
  return ok(offers);
};

const combined = ([first, ...others]: readonly HeldOffer[]): Result<HeldOffer, string> => {
  if (first === undefined) return err('No offers specified');
  const otherRole = others.find(({ role }) => role !== first.role);
  if (otherRole !== undefined)
    return err(
      `Aggregated offers must be allocated to the same role. Offer ${otherRole.id} uses role '${otherRole.role} but another is using role '${first.role}`,
    );
  const otherAgent = others.find(({ agent }) => agent !== first.agent);
  return otherAgent === undefined
    ? ok(first)
    : err(
        `Aggregated offers must belong to one single agent. Offer ${otherAgent.id} uses agent ${otherAgent.agent.id} and agent ${first.agent.id}`,
      );
};

const tasksOf = ({ launch, launchGroup }: OfferOperation): readonly TaskInfo[] =>
  launch?.taskInfos ?? launchGroup?.taskGroup.tasks ?? [];

const isLaunch = ({ type }: OfferOperation): boolean => type === 'LAUNCH' || type === 'LAUNCH_GROUP';

/** The list is wrong: what is valid of it is given back without a filter, and nothing is carried out. */
const refuseAll = (
  m: Master,
  framework: Framework,
  { offerIds, operations }: CallAccept,
  reason: string,
): void => {
  for (const { value } of offerIds) {
    const offer = m.offers.get(value);
    if (offer?.framework === framework) discard(m, offer);
  }
  const state = stateFor(framework, 'TASK_DROPPED');
  const message = `Task launched with invalid offers: ${reason}`;
  for (const operation of operations) {
    if (!isLaunch(operation))
      operationFailed(framework, operation, `Operation attempted with invalid offers: ${reason}`);
    else
      for (const { taskId, agentId } of tasksOf(operation))
        tellStatus(
          framework,
          masterStatus(m, {
            taskId: taskId.value,
            agentId: agentId.value,
            state,
            reason: 'REASON_INVALID_OFFERS',
            message,
          }),
        );
  }
};

const reject = (
  { m, framework }: Acceptance,
  tasks: readonly TaskInfo[],
  reason: TaskStatusReason,
  message: string,
): void => {
  for (const { taskId, agentId } of tasks)
    tellStatus(
      framework,
      masterStatus(m, { taskId: taskId.value, agentId: agentId.value, state: 'TASK_ERROR', reason, message }),
    );
};

const use = (acceptance: Acceptance, resources: Resources): void => {
  acceptance.remaining = without(acceptance.remaining, resources);
  acceptance.made = without(acceptance.made, resources);
};

/** Takes its resources and puts it on the books; whether its executor is to be launched with it. */
const place = (acceptance: Acceptance, task: TaskInfo): boolean => {
  const { m, framework, agent } = acceptance;
  const needed = neededBy(task, acceptance);
  const { executor } = task;
  const lives = executor && executorOn(framework, agent.id, executor.executorId.value) !== undefined;
  use(acceptance, add(needed.task, needed.executor));
  if (executor && !lives)
    addExecutor(agent, {
      id: executor.executorId.value,
      framework,
      info: executor,
      resources: needed.executor,
    });
  addLaunched(m, { framework, agent, info: task, resources: needed.task });
  return lives !== true;
};

const launchTask = (acceptance: Acceptance, task: TaskInfo): void => {
  const problem = taskProblem(task, acceptance);
  if (problem !== undefined) return reject(acceptance, [task], 'REASON_TASK_INVALID', problem);
  const launchExecutor = place(acceptance, task);
  const placement = {
    framework: acceptance.framework.info,
    ...(task.executor && { executor: task.executor }),
    launchExecutor,
  };
  acceptance.agent.link?.send({ kind: 'run-task', placement, task });
};

const idOnLaunch = ({ id, type }: OfferOperation): string | undefined =>
  id && `The \`id\` field cannot be set on ${type} operations`;

/** One resource that is none makes the whole operation invalid. */
const launchProblem = (operation: OfferOperation, tasks: readonly TaskInfo[]): string | undefined =>
  idOnLaunch(operation) ??
  tasks
    .map(
      ({ resources, executor }) => resourceProblem(resources) ?? resourceProblem(executor?.resources ?? []),
    )
    .find((problem) => problem !== undefined);

const launch = (acceptance: Acceptance, operation: OfferOperation): void => {
  const { framework, role } = acceptance;
  const tasks = tasksOf(operation).map((task) => normalTask(task, role, framework.id));
  const problem = launchProblem(operation, tasks);
  if (problem !== undefined) return reject(acceptance, tasks, 'REASON_TASK_INVALID', problem);
  for (const task of tasks) launchTask(acceptance, task);
};

const launchGroup = (acceptance: Acceptance, operation: OfferOperation): void => {
  const { framework, role, agent } = acceptance;
  if (operation.launchGroup === undefined) return;
  const tasks = tasksOf(operation).map((task) => normalTask(task, role, framework.id));
  const executor = normalExecutor(operation.launchGroup.executor, role);
  const problem =
    launchProblem(operation, tasks) ??
    resourceProblem(executor.resources) ??
    groupProblem(tasks, executor, acceptance);
  if (problem !== undefined) return reject(acceptance, tasks, 'REASON_TASK_GROUP_INVALID', problem);
  const members = tasks.map((task) => ({ ...task, executor }));
  // of several tasks only the first makes the executor
  const launchExecutor = members.map((task) => place(acceptance, task)).some(Boolean);
  const placement = { framework: framework.info, executor, launchExecutor };
  agent.link?.send({ kind: 'run-group', placement, group: { tasks: members } });
};

const at = ({ agent }: Acceptance): string =>
  `; on agent ${agent.id} at ${agent.introduction.pid} (${agent.info.hostname})`;

const transform = (acceptance: Acceptance, operation: OfferOperation): void => {
  const { framework, agent, remaining } = acceptance;
  const conversion = conversionOf(operation, remaining, framework.info.principal);
  if (!conversion.ok) return operationFailed(framework, operation, conversion.error + at(acceptance));
  acceptance.remaining = convert(remaining, conversion.value);
  acceptance.made = add(without(acceptance.made, conversion.value.consumed), conversion.value.converted);
  convertAgent(agent, conversion.value);
  if (operation.id !== undefined)
    framework.operations.set(operation.id.value, {
      id: operation.id.value,
      agentId: agent.id,
      operation,
      uuid: Buffer.from(acceptance.m.random.uuid().replaceAll('-', ''), 'hex'),
      status: { operationId: operation.id, state: 'OPERATION_PENDING', agentId: { value: agent.id } },
    });
  agent.link?.send({ kind: 'apply-operation', frameworkId: framework.id, operation });
};

const perform = (acceptance: Acceptance, operation: OfferOperation): void => {
  if (operation.type === 'LAUNCH') return launch(acceptance, operation);
  if (operation.type === 'LAUNCH_GROUP') return launchGroup(acceptance, operation);
  // types that this master does not know are passed over, as Mesos does
  if (operation.type === undefined || operation.type === 'UNKNOWN') return;
  transform(acceptance, normalOperation(operation, acceptance.role));
};

/** What was not used counts as declined; what operations made of it is offered again soon. */
const giveBack = (
  { m, framework, agent, role, remaining, made }: Acceptance,
  filters: Filters | undefined,
): void => {
  if (remaining.size === 0) return;
  release(m, agent, framework, remaining);
  const resources = new Map([...remaining].filter(([key]) => !made.has(key)));
  if (resources.size > 0)
    refuse(m, { framework, agentId: agent.id, role, resources }, refusalSeconds(filters));
};

export const accept = (m: Master, framework: Framework, call: CallAccept): void => {
  const held = heldOffers(m, framework, call.offerIds);
  const first = held.ok ? combined(held.value) : held;
  if (!held.ok || !first.ok) return refuseAll(m, framework, call, first.ok ? '' : first.error);
  for (const offer of held.value) takeOffer(m, offer);
  const { agent, role } = first.value;
  const remaining = sum(held.value.map(({ resources }) => resources));
  const acceptance: Acceptance = { m, framework, agent, role, remaining, made: NO_RESOURCES };
  for (const operation of call.operations) perform(acceptance, operation);
  giveBack(acceptance, call.filters);
};
