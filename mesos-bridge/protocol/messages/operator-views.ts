// Written from proto/operator-views.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type { AgentCapability, AgentInfo, FrameworkInfo, InverseOffer, Offer } from './cluster.js';

import type { OfferConstraints } from './scheduler.js';

import type { ExecutorInfo } from './tasks.js';

import type {
  AgentId,
  DurationInfo,
  FrameworkId,
  MachineId,
  Resource,
  Scalar,
  TimeInfo,
  Unavailability,
} from './values.js';

export interface VersionInfo {
  readonly version: string;
  readonly buildDate?: string;
  readonly buildTime?: number;
  readonly buildUser?: string;
  readonly gitSha?: string;
  readonly gitBranch?: string;
  readonly gitTag?: string;
}

export interface Flag {
  readonly name: string;
  readonly value?: string;
}

export interface Metric {
  readonly name: string;
  readonly value?: number;
}

export interface Role {
  readonly name: string;
  readonly weight: number;
  readonly frameworks: readonly FrameworkId[];
  readonly resources: readonly Resource[];
}

export interface WeightInfo {
  readonly weight: number;
  readonly role?: string;
}

export interface QuotaConfig {
  readonly role: string;
  readonly guarantees: Readonly<Record<string, Scalar>>;
  readonly limits: Readonly<Record<string, Scalar>>;
}

export interface QuotaInfo {
  readonly role?: string;
  readonly principal?: string;
  readonly guarantee: readonly Resource[];
}

export interface QuotaStatus {
  readonly infos: readonly QuotaInfo[];
  readonly configs: readonly QuotaConfig[];
}

export interface MaintenanceWindow {
  readonly machineIds: readonly MachineId[];
  readonly unavailability: Unavailability;
}

export interface MaintenanceSchedule {
  readonly windows: readonly MaintenanceWindow[];
}

export type InverseOfferStatusStatus = 'UNKNOWN' | 'ACCEPT' | 'DECLINE';

export interface InverseOfferStatus {
  readonly status: InverseOfferStatusStatus;
  readonly frameworkId: FrameworkId;
  readonly timestamp: TimeInfo;
}

export interface DrainingMachine {
  readonly id: MachineId;
  readonly statuses: readonly InverseOfferStatus[];
}

export interface MaintenanceStatus {
  readonly drainingMachines: readonly DrainingMachine[];
  readonly downMachines: readonly MachineId[];
}

export interface DrainConfig {
  readonly maxGracePeriod?: DurationInfo;
  readonly markGone?: boolean;
}

export type DrainInfoState = 'UNKNOWN' | 'DRAINING' | 'DRAINED';

export interface DrainInfo {
  readonly state: DrainInfoState;
  readonly config: DrainConfig;
}

export interface AgentView {
  readonly agentInfo: AgentInfo;
  readonly active: boolean;
  readonly version: string;
  readonly pid?: string;
  readonly registeredTime?: TimeInfo;
  readonly reregisteredTime?: TimeInfo;
  readonly totalResources: readonly Resource[];
  readonly allocatedResources: readonly Resource[];
  readonly offeredResources: readonly Resource[];
  readonly capabilities: readonly AgentCapability[];
  readonly deactivated?: boolean;
  readonly drainInfo?: DrainInfo;
  readonly estimatedDrainStartTime?: TimeInfo;
}

export interface FrameworkView {
  readonly frameworkInfo: FrameworkInfo;
  readonly active: boolean;
  readonly connected: boolean;
  readonly registeredTime?: TimeInfo;
  readonly reregisteredTime?: TimeInfo;
  readonly unregisteredTime?: TimeInfo;
  readonly offers: readonly Offer[];
  readonly inverseOffers: readonly InverseOffer[];
  readonly allocatedResources: readonly Resource[];
  readonly offeredResources: readonly Resource[];
  readonly recovered: boolean;
  readonly offerConstraints?: OfferConstraints;
}

export interface ExecutorView {
  readonly executorInfo: ExecutorInfo;
  readonly agentId: AgentId;
}
