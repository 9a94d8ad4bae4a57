// Written from proto/scheduler.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type {
  Filters,
  FrameworkInfo,
  InverseOffer,
  MasterInfo,
  Offer,
  OfferOperation,
  OperationStatus,
} from './cluster.js';

import type { KillPolicy, TaskStatus } from './tasks.js';

import type {
  AgentId,
  ExecutorId,
  FrameworkId,
  OfferId,
  OperationId,
  ResourceProviderId,
  ResourceRequest,
  TaskId,
} from './values.js';

export type AttributeSelectorPseudoattribute = 'UNKNOWN' | 'HOSTNAME' | 'REGION' | 'ZONE';

export interface AttributeSelector {
  readonly pseudoattributeType?: AttributeSelectorPseudoattribute;
  readonly attributeName?: string;
}

export interface PredicateExists {}

export interface PredicateText {
  readonly value: string;
}

export interface PredicateRegex {
  readonly regex: string;
}

export interface AttributePredicate {
  readonly exists?: PredicateExists;
  readonly notExists?: PredicateExists;
  readonly textEquals?: PredicateText;
  readonly textNotEquals?: PredicateText;
  readonly textMatches?: PredicateRegex;
  readonly textNotMatches?: PredicateRegex;
}

export interface AttributeConstraint {
  readonly selector: AttributeSelector;
  readonly predicate: AttributePredicate;
}

/** all of a group must hold */
export interface ConstraintGroup {
  readonly attributeConstraints: readonly AttributeConstraint[];
}

/** one of the groups must hold */
export interface RoleConstraints {
  readonly groups: readonly ConstraintGroup[];
}

export interface OfferConstraints {
  readonly roleConstraints: Readonly<Record<string, RoleConstraints>>;
}

export interface CallSubscribe {
  readonly frameworkInfo: FrameworkInfo;
  readonly suppressedRoles: readonly string[];
  readonly offerConstraints?: OfferConstraints;
}

export interface CallAccept {
  readonly offerIds: readonly OfferId[];
  readonly operations: readonly OfferOperation[];
  readonly filters?: Filters;
}

export interface CallDecline {
  readonly offerIds: readonly OfferId[];
  readonly filters?: Filters;
}

export interface CallInverseOffers {
  readonly inverseOfferIds: readonly OfferId[];
  readonly filters?: Filters;
}

/** none = all roles */
export interface CallRoles {
  readonly roles: readonly string[];
}

export interface CallKill {
  readonly taskId: TaskId;
  readonly agentId?: AgentId;
  readonly killPolicy?: KillPolicy;
}

export interface CallShutdown {
  readonly executorId: ExecutorId;
  readonly agentId: AgentId;
}

export interface CallAcknowledge {
  readonly agentId: AgentId;
  readonly taskId: TaskId;
  readonly uuid: Uint8Array;
}

export interface CallAcknowledgeOperationStatus {
  readonly agentId?: AgentId;
  readonly resourceProviderId?: ResourceProviderId;
  readonly uuid: Uint8Array;
  readonly operationId: OperationId;
}

export interface ReconcileTask {
  readonly taskId: TaskId;
  readonly agentId?: AgentId;
}

/** none = every task that the master knows of */
export interface CallReconcile {
  readonly tasks: readonly ReconcileTask[];
}

export interface ReconcileOperation {
  readonly operationId: OperationId;
  readonly agentId?: AgentId;
  readonly resourceProviderId?: ResourceProviderId;
}

export interface CallReconcileOperations {
  readonly operations: readonly ReconcileOperation[];
}

export interface CallMessage {
  readonly agentId: AgentId;
  readonly executorId: ExecutorId;
  readonly data: Uint8Array;
}

export interface CallRequest {
  readonly requests: readonly ResourceRequest[];
}

export type SchedulerCallType =
  | 'UNKNOWN'
  | 'SUBSCRIBE'
  | 'TEARDOWN'
  | 'ACCEPT'
  | 'DECLINE'
  | 'REVIVE'
  | 'KILL'
  | 'SHUTDOWN'
  | 'ACKNOWLEDGE'
  | 'RECONCILE'
  | 'MESSAGE'
  | 'REQUEST'
  | 'SUPPRESS'
  | 'ACCEPT_INVERSE_OFFERS'
  | 'DECLINE_INVERSE_OFFERS'
  | 'ACKNOWLEDGE_OPERATION_STATUS'
  | 'RECONCILE_OPERATIONS'
  | 'UPDATE_FRAMEWORK';

export interface SchedulerCall {
  readonly frameworkId?: FrameworkId;
  readonly type?: SchedulerCallType;
  readonly subscribe?: CallSubscribe;
  readonly accept?: CallAccept;
  readonly decline?: CallDecline;
  readonly kill?: CallKill;
  readonly shutdown?: CallShutdown;
  readonly acknowledge?: CallAcknowledge;
  readonly reconcile?: CallReconcile;
  readonly message?: CallMessage;
  readonly request?: CallRequest;
  readonly acceptInverseOffers?: CallInverseOffers;
  readonly declineInverseOffers?: CallInverseOffers;
  readonly revive?: CallRoles;
  readonly suppress?: CallRoles;
  readonly acknowledgeOperationStatus?: CallAcknowledgeOperationStatus;
  readonly reconcileOperations?: CallReconcileOperations;
  readonly updateFramework?: CallSubscribe;
}

export interface EventSubscribed {
  readonly frameworkId: FrameworkId;
  readonly heartbeatIntervalSeconds?: number;
  readonly masterInfo?: MasterInfo;
}

export interface EventOffers {
  readonly offers: readonly Offer[];
}

export interface EventInverseOffers {
  readonly inverseOffers: readonly InverseOffer[];
}

export interface EventRescind {
  readonly offerId: OfferId;
}

export interface EventRescindInverseOffer {
  readonly inverseOfferId: OfferId;
}

export interface EventUpdate {
  readonly status: TaskStatus;
}

export interface EventUpdateOperationStatus {
  readonly status: OperationStatus;
}

export interface EventMessage {
  readonly agentId: AgentId;
  readonly executorId: ExecutorId;
  readonly data: Uint8Array;
}

/** of an executor where it is named, else of the whole agent */
export interface EventFailure {
  readonly agentId?: AgentId;
  readonly executorId?: ExecutorId;
  /** as waitpid gives it; -1 = unknown */
  readonly status?: number;
}

export interface EventError {
  readonly message: string;
}

export type SchedulerEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'OFFERS'
  | 'RESCIND'
  | 'UPDATE'
  | 'MESSAGE'
  | 'FAILURE'
  | 'ERROR'
  | 'HEARTBEAT'
  | 'INVERSE_OFFERS'
  | 'RESCIND_INVERSE_OFFER'
  | 'UPDATE_OPERATION_STATUS';

export interface SchedulerEvent {
  readonly type?: SchedulerEventType;
  readonly subscribed?: EventSubscribed;
  readonly offers?: EventOffers;
  readonly rescind?: EventRescind;
  readonly update?: EventUpdate;
  readonly message?: EventMessage;
  readonly failure?: EventFailure;
  readonly error?: EventError;
  readonly inverseOffers?: EventInverseOffers;
  readonly rescindInverseOffer?: EventRescindInverseOffer;
  readonly updateOperationStatus?: EventUpdateOperationStatus;
}
