// Written from proto/values.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type { Volume } from './containers.js';

export interface FrameworkId {
  readonly value: string;
}

export interface OfferId {
  readonly value: string;
}

export interface AgentId {
  readonly value: string;
}

export interface TaskId {
  readonly value: string;
}

export interface ExecutorId {
  readonly value: string;
}

export interface OperationId {
  readonly value: string;
}

export interface ResourceProviderId {
  readonly value: string;
}

export interface ContainerId {
  readonly value: string;
  readonly parent?: ContainerId;
}

/** 16 bytes, not the text form with dashes */
export interface Uuid {
  readonly value: Uint8Array;
}

/** since the Unix epoch */
export interface TimeInfo {
  readonly nanoseconds: bigint;
}

export interface DurationInfo {
  readonly nanoseconds: bigint;
}

/** google.protobuf.Duration */
export interface Duration {
  readonly seconds?: bigint;
  readonly nanos?: number;
}

export interface Address {
  readonly hostname?: string;
  readonly ip?: string;
  readonly port: number;
}

export interface Parameter {
  readonly key: string;
  readonly value: string;
}

export interface Parameters {
  readonly parameter: readonly Parameter[];
}

export interface Url {
  readonly scheme: string;
  readonly address: Address;
  readonly path?: string;
  readonly query: readonly Parameter[];
  readonly fragment?: string;
}

export interface Label {
  readonly key: string;
  readonly value?: string;
}

export interface Labels {
  readonly labels: readonly Label[];
}

/** without a duration: for ever */
export interface Unavailability {
  readonly start: TimeInfo;
  readonly duration?: DurationInfo;
}

export interface MachineId {
  readonly hostname?: string;
  readonly ip?: string;
}

export interface Region {
  readonly name: string;
}

export interface Zone {
  readonly name: string;
}

export interface FaultDomain {
  readonly region: Region;
  readonly zone: Zone;
}

export interface DomainInfo {
  readonly faultDomain?: FaultDomain;
}

export interface Scalar {
  readonly value: number;
}

/** both ends belong to it */
export interface Range {
  readonly begin: bigint;
  readonly end: bigint;
}

export interface Ranges {
  readonly range: readonly Range[];
}

export interface ItemSet {
  readonly item: readonly string[];
}

export interface Text {
  readonly value: string;
}

export type ValueType = 'SCALAR' | 'RANGES' | 'SET' | 'TEXT';

export interface Attribute {
  readonly name: string;
  readonly type: ValueType;
  readonly scalar?: Scalar;
  readonly ranges?: Ranges;
  readonly text?: Text;
  readonly set?: ItemSet;
}

export interface AllocationInfo {
  readonly role?: string;
}

export type ReservationInfoType = 'UNKNOWN' | 'STATIC' | 'DYNAMIC';

export interface ReservationInfo {
  readonly principal?: string;
  readonly labels?: Labels;
  readonly role?: string;
  readonly type?: ReservationInfoType;
}

export interface DiskPersistence {
  readonly id: string;
  readonly principal?: string;
}

export interface DiskRoot {
  readonly root?: string;
}

export type DiskSourceType = 'UNKNOWN' | 'PATH' | 'MOUNT' | 'BLOCK' | 'RAW';

export interface DiskSource {
  readonly type: DiskSourceType;
  readonly path?: DiskRoot;
  readonly mount?: DiskRoot;
  readonly id?: string;
  readonly metadata?: Labels;
  readonly profile?: string;
  readonly vendor?: string;
}

export interface DiskInfo {
  readonly persistence?: DiskPersistence;
  readonly volume?: Volume;
  readonly source?: DiskSource;
}

export interface RevocableInfo {}

export interface SharedInfo {}

export interface Resource {
  readonly name: string;
  readonly type: ValueType;
  readonly scalar?: Scalar;
  readonly ranges?: Ranges;
  readonly set?: ItemSet;
  readonly role?: string;
  readonly disk?: DiskInfo;
  readonly reservation?: ReservationInfo;
  readonly revocable?: RevocableInfo;
  readonly shared?: SharedInfo;
  readonly allocationInfo?: AllocationInfo;
  readonly providerId?: ResourceProviderId;
  readonly reservations: readonly ReservationInfo[];
}

export interface ResourceQuantities {
  readonly quantities: Readonly<Record<string, Scalar>>;
}

export interface MinAllocatableResources {
  readonly quantities: readonly ResourceQuantities[];
}

export interface OfferFilters {
  readonly minAllocatableResources?: MinAllocatableResources;
}

export interface ResourceRequest {
  readonly agentId?: AgentId;
  readonly resources: readonly Resource[];
}

export interface Credential {
  readonly principal: string;
  readonly secret?: string;
}

export interface SecretReference {
  readonly name: string;
  readonly key?: string;
}

export interface SecretValue {
  readonly data: Uint8Array;
}

export type SecretType = 'UNKNOWN' | 'REFERENCE' | 'VALUE';

export interface Secret {
  readonly type?: SecretType;
  readonly reference?: SecretReference;
  readonly value?: SecretValue;
}
