/** What a simulated master knows. Everything is found by id; nothing is searched for per event. */
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Random } from '../../../common/ports/random.js';
import type { Milli } from '../../core/amounts.js';
import type { Resources } from '../../core/resources.js';
import type {
  AgentInfo,
  Draft,
  ExecutorInfo,
  FrameworkInfo,
  InverseOfferStatus,
  MaintenanceSchedule,
  MasterEvent,
  Offer,
  OfferConstraints,
  OfferOperation,
  OperationStatus,
  SchedulerEvent,
  Task,
  TaskState,
  TaskStatus,
  Unavailability,
} from '../../protocol/messages.js';
import type { AgentIntroduction, Link, MasterMessage } from '../link.js';
import type { MasterFlags } from './flags.js';
import type { Capabilities } from './framework-info.js';
import type { CompiledConstraints } from './offer-constraints.js';

/** Where the events of one subscription go. */
export interface EventSink<Event> {
  send(event: Draft<Event>): void;
  /** after what was sent; the connection may stay */
  end(): void;
}

export interface SchedulerStream {
  /** the Mesos-Stream-Id */
  readonly id: string;
  readonly sink: EventSink<SchedulerEvent>;
  readonly stopHeartbeats: Cancel;
}

/** recovered: known from agents only, never subscribed to this master */
export type FrameworkState = 'connected' | 'disconnected' | 'recovered';

export interface MasterTask {
  readonly id: string;
  readonly framework: Framework;
  readonly agentId: string;
  /** undefined: a command task, whose executor the master does not see */
  readonly executorId: string | undefined;
  /** charged while it holds them; '' as they were validated */
  readonly resources: Resources;
  /** all that does not change */
  readonly fixed: Omit<Draft<Task>, 'state' | 'statuses' | 'statusUpdateState' | 'statusUpdateUuid'>;
  /** the newest that the master heard of */
  state: TaskState;
  /** the newest that was forwarded, and reconciliation tells */
  statusUpdateState: TaskState | undefined;
  statusUpdateUuid: Uint8Array | undefined;
  /** one per change of state, oldest first, without data */
  readonly statuses: Draft<TaskStatus>[];
  /** its resources are still charged */
  charged: boolean;
}

export interface MasterExecutor {
  readonly id: string;
  readonly framework: Framework;
  readonly info: ExecutorInfo;
  readonly resources: Resources;
}

export interface Framework {
  readonly id: string;
  info: FrameworkInfo;
  capabilities: Capabilities;
  roles: ReadonlySet<string>;
  readonly suppressed: Set<string>;
  wantedConstraints: OfferConstraints | undefined;
  constraints: CompiledConstraints;
  state: FrameworkState;
  stream: SchedulerStream | undefined;
  registeredAtMs: number | undefined;
  reregisteredAtMs: number | undefined;
  unregisteredAtMs: number | undefined;
  readonly tasks: Map<string, MasterTask>;
  readonly unreachableTasks: Map<string, MasterTask>;
  readonly completedTasks: MasterTask[];
  /** by agent, then by id */
  readonly executors: Map<string, Map<string, MasterExecutor>>;
  readonly offers: Set<HeldOffer>;
  readonly inverseOffers: Set<HeldInverseOffer>;
  /** charged to it: what its tasks and executors hold and what it is offered */
  readonly charged: ScalarTotals;
  readonly operations: Map<string, MasterOperation>;
  /** decline filters by role, then by agent */
  readonly filters: Map<string, Map<string, DeclineFilter[]>>;
  /** the tick from which an agent's inverse offer is sent again; by agent */
  readonly inverseFilters: Map<string, number>;
  /** at most one at a time: gives it up when it does not come back */
  failover: Cancel | undefined;
}

/** By role, then by name of the scalar. */
export type ScalarTotals = Map<string, Map<string, Milli>>;

export interface DeclineFilter {
  readonly refused: Resources;
  /** tick of the allocator after which it no longer holds */
  readonly untilTick: number;
}

export interface HeldOffer {
  readonly id: string;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  readonly resources: Resources;
  readonly message: Draft<Offer>;
  readonly timeout: Cancel | undefined;
}

export interface HeldInverseOffer {
  readonly id: string;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly unavailability: Unavailability;
}

export interface MasterOperation {
  readonly id: string;
  readonly agentId: string;
  readonly operation: OfferOperation;
  readonly uuid: Uint8Array;
  status: Draft<OperationStatus>;
}

export type DrainProgress = 'DRAINING' | 'DRAINED';

export interface AgentDrain {
  readonly maxGraceNanoseconds: bigint | undefined;
  readonly markGone: boolean;
  readonly startedAtMs: number;
  progress: DrainProgress;
}

export interface Agent {
  readonly id: string;
  info: AgentInfo;
  introduction: AgentIntroduction;
  /** undefined: its connection broke; it may come back */
  link: Link<MasterMessage> | undefined;
  registeredAtMs: number;
  reregisteredAtMs: number | undefined;
  /** of this agent, as operations left them; none is allocated */
  total: Resources;
  /** neither used nor offered; none is allocated */
  available: Resources;
  /** by framework and id (placeKey) */
  readonly tasks: Map<string, MasterTask>;
  /** by framework and id (placeKey) */
  readonly executors: Map<string, MasterExecutor>;
  readonly offers: Set<HeldOffer>;
  readonly inverseOffers: Set<HeldInverseOffer>;
  /** asked for while it was away: killed when it registers again; framework id and task id */
  readonly killed: Map<string, { readonly frameworkId: string; readonly taskId: string }>;
  deactivated: boolean;
  drain: AgentDrain | undefined;
  unavailability: Unavailability | undefined;
  /** answers to inverse offers, by framework */
  readonly inverseAnswers: Map<string, Draft<InverseOfferStatus>>;
  readonly pinging: Pinging;
}

export interface Pinging {
  /** agents are pinged group by group */
  readonly group: number;
  /** a ping is out */
  waiting: boolean;
  /** in a row */
  missed: number;
  /** its removal waits for the rate limit; a pong takes it back */
  removal: Cancel | undefined;
}

/** What survives a master: agents that were admitted, and what operators decided. Shared by the masters of a cluster. */
export interface Registry {
  readonly admitted: Map<string, AdmittedAgent>;
  /** ms since the Unix epoch when it was given up */
  readonly unreachable: Map<string, number>;
  readonly gone: Map<string, number>;
  schedule: MaintenanceSchedule;
  /** machines that are DOWN, by machine key */
  readonly down: Map<string, { readonly hostname?: string; readonly ip?: string }>;
  /** agents that are drained or deactivated */
  readonly drains: Map<string, AgentDrain>;
  readonly deactivated: Set<string>;
}

export interface AdmittedAgent {
  readonly info: AgentInfo;
}

export interface MasterAddress {
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
}

export interface Subscriber {
  readonly sink: EventSink<MasterEvent>;
  readonly stopHeartbeats: Cancel;
}

/** The allocator's own memory. */
export interface Allocation {
  /** agents that may have something to offer, looked at with the next tick */
  readonly candidates: Set<string>;
  /** agents that changed otherwise than by getting resources back: looked at at once */
  readonly urgent: Set<string>;
  /** agents whose filters end at a tick */
  readonly expiries: Map<number, Set<string>>;
  tick: number;
  /** when tick 0 was, on the monotonic clock */
  readonly startedAt: number;
  /** scalars of all agents */
  readonly cluster: Map<string, Milli>;
  /** by role: what all its frameworks are charged */
  readonly roles: ScalarTotals;
  /** frameworks that take offers for a role now */
  readonly active: Map<string, Set<Framework>>;
  /** a run is about to start */
  scheduled: boolean;
}

export interface Master {
  readonly id: string;
  readonly flags: MasterFlags;
  readonly clock: Clock;
  readonly random: Random;
  readonly address: MasterAddress;
  readonly registry: Registry;
  readonly startedAtMs: number;
  readonly frameworks: Map<string, Framework>;
  /** the oldest are forgotten first */
  readonly completed: Map<string, Framework>;
  /** registered with this master, connected or not */
  readonly agents: Map<string, Agent>;
  readonly byPid: Map<string, Agent>;
  /** admitted by an earlier master, not yet seen by this one */
  readonly recovered: Map<string, AdmittedAgent>;
  /** agents whose machines are to be taken down */
  readonly maintained: Set<Agent>;
  readonly offers: Map<string, HeldOffer>;
  readonly inverseOffers: Map<string, HeldInverseOffer>;
  readonly subscribers: Set<Subscriber>;
  readonly allocation: Allocation;
  readonly counters: { frameworks: number; agents: number; offers: number };
  /** when the last removal for missed pings was, on the monotonic clock */
  lastRemoval: number | undefined;
  readonly cancels: Set<Cancel>;
  /** hang up the agents' connections */
  readonly connections: Set<() => void>;
  ended: boolean;
}
