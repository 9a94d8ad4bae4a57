/** Scheduler calls: what is checked of each before it is answered, and what the accepted ones do (mesos-v1.md §2, §4). */
import type { CallDecline, SchedulerCall, SchedulerCallType } from '../../protocol/messages.js';
import { accept } from './accept.js';
import { removeFramework, revive, suppress } from './frameworks.js';
import { answerInverse } from './inverse-offers.js';
import { decline } from './offers.js';
import { acknowledgeOperation, reconcileOperations } from './operations.js';
import { reconcile } from './reconciliation.js';
import type { Framework, Master } from './state.js';
import { acknowledge, kill, messageExecutor, shutdownExecutor } from './statuses.js';

/** The sub-message that a call of that type cannot do without. */
const NEEDED = {
  SUBSCRIBE: 'subscribe',
  ACCEPT: 'accept',
  DECLINE: 'decline',
  ACCEPT_INVERSE_OFFERS: 'acceptInverseOffers',
  DECLINE_INVERSE_OFFERS: 'declineInverseOffers',
  KILL: 'kill',
  SHUTDOWN: 'shutdown',
  ACKNOWLEDGE: 'acknowledge',
  ACKNOWLEDGE_OPERATION_STATUS: 'acknowledgeOperationStatus',
  RECONCILE: 'reconcile',
  RECONCILE_OPERATIONS: 'reconcileOperations',
  MESSAGE: 'message',
  REQUEST: 'request',
  UPDATE_FRAMEWORK: 'updateFramework',
} as const;

const hasNeed = (type: string): type is keyof typeof NEEDED => type in NEEDED;

const UUID_BYTES = 16;

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const missing = (name: string): string => `Expecting '${snake(name)}' to be present`;

const principalProblem = (claimed: string | undefined, principal: string | undefined): string | undefined =>
  principal === undefined || claimed === undefined || claimed === principal
    ? undefined
    : principalMismatch(principal, claimed);

export const principalMismatch = (principal: string, claimed: string | undefined): string =>
  `Authenticated principal '${principal}' does not match principal '${claimed ?? ''}' set in \`FrameworkInfo\``;

const idText = (id: SchedulerCall['frameworkId']): string => id?.value ?? '';

const subscriptionProblem = (call: SchedulerCall, principal: string | undefined): string | undefined => {
  const field = call.type === 'SUBSCRIBE' ? 'subscribe' : 'updateFramework';
  const info = call[field]?.frameworkInfo;
  if (info === undefined) return undefined;
  if (idText(info.id) !== idText(call.frameworkId))
    return `'framework_id' differs from '${snake(field)}.framework_info.id'`;
  return principalProblem(info.principal, principal);
};

const uuidProblem = ({
  acknowledge: status,
  acknowledgeOperationStatus: operation,
}: SchedulerCall): string | undefined => {
  const uuid = status?.uuid ?? operation?.uuid;
  if (uuid !== undefined && uuid.length !== UUID_BYTES) return 'Not a valid UUID';
  return operation !== undefined && operation.agentId === undefined ? missing('agentId') : undefined;
};

/** What is wrong with a call by itself; answered with 400. */
export const callProblem = (call: SchedulerCall, principal: string | undefined): string | undefined => {
  const { type } = call;
  if (type === undefined) return missing('type');
  const needed = hasNeed(type) ? NEEDED[type] : undefined;
  if (type === 'SUBSCRIBE')
    return call.subscribe === undefined ? missing('subscribe') : subscriptionProblem(call, principal);
  if (call.frameworkId === undefined) return missing('frameworkId');
  if (needed !== undefined && call[needed] === undefined) return missing(needed);
  return subscriptionProblem(call, principal) ?? uuidProblem(call);
};

const declineAll = (m: Master, framework: Framework, { offerIds, filters }: CallDecline): void => {
  for (const { value } of offerIds) {
    const offer = m.offers.get(value);
    if (offer?.framework === framework) decline(m, offer, filters);
  }
};

type Perform = (m: Master, framework: Framework, call: SchedulerCall) => void;

const PERFORM: Partial<Record<SchedulerCallType, Perform>> = {
  TEARDOWN: (m, framework) => removeFramework(m, framework),
  REVIVE: (m, framework, call) => revive(m, framework, call.revive?.roles ?? []),
  SUPPRESS: (m, framework, call) => suppress(m, framework, call.suppress?.roles ?? []),
  ACCEPT: (m, framework, call) => call.accept && accept(m, framework, call.accept),
  DECLINE: (m, framework, call) => call.decline && declineAll(m, framework, call.decline),
  KILL: (m, framework, call) => call.kill && kill(m, framework, call.kill),
  SHUTDOWN: (m, framework, call) => call.shutdown && shutdownExecutor(m, framework, call.shutdown),
  ACKNOWLEDGE: (m, framework, call) => call.acknowledge && acknowledge(m, framework, call.acknowledge),
  ACKNOWLEDGE_OPERATION_STATUS: (m, framework, call) =>
    call.acknowledgeOperationStatus && acknowledgeOperation(m, framework, call.acknowledgeOperationStatus),
  RECONCILE: (m, framework, call) => call.reconcile && reconcile(m, framework, call.reconcile),
  RECONCILE_OPERATIONS: (m, framework, call) =>
    call.reconcileOperations && reconcileOperations(m, framework, call.reconcileOperations.operations),
  MESSAGE: (m, framework, call) => call.message && messageExecutor(m, framework, call.message),
  ACCEPT_INVERSE_OFFERS: (m, framework, call) =>
    call.acceptInverseOffers && answerInverse(m, framework, call.acceptInverseOffers, 'ACCEPT'),
  DECLINE_INVERSE_OFFERS: (m, framework, call) =>
    call.declineInverseOffers && answerInverse(m, framework, call.declineInverseOffers, 'DECLINE'),
};

/** All but SUBSCRIBE and UPDATE_FRAMEWORK, whose answers say more. The call has been checked; REQUEST does nothing. */
export const perform: Perform = (m, framework, call) => {
  if (call.type !== undefined) PERFORM[call.type]?.(m, framework, call);
};
