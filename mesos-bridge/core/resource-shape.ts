/**
 * A `mesos.v1.Resource` as it travels (mesos-v1.md §7), so far as the arithmetic reads it. Structural, so that both
 * the protocol's messages and objects made by hand fit.
 */
export interface ResourceShape {
  readonly name: string;
  readonly type: string;
  readonly scalar?: { readonly value: number };
  readonly ranges?: { readonly range: readonly RangeShape[] };
  readonly set?: { readonly item: readonly string[] };
  /** before refinement: `*` or absent = unreserved */
  readonly role?: string;
  readonly reservation?: ReservationShape;
  /** since refinement: a stack, the finest last */
  readonly reservations?: readonly ReservationShape[];
  readonly disk?: DiskShape;
  readonly revocable?: object;
  readonly shared?: object;
  readonly allocationInfo?: { readonly role?: string };
  readonly providerId?: { readonly value: string };
}

/** Both ends belong to it. */
export interface RangeShape {
  readonly begin: number | bigint;
  readonly end: number | bigint;
}

export interface ReservationShape {
  readonly type?: string;
  readonly role?: string;
  readonly principal?: string;
  readonly labels?: LabelsShape;
}

export interface LabelsShape {
  readonly labels: readonly { readonly key: string; readonly value?: string }[];
}

export type DiskSourceType = 'UNKNOWN' | 'PATH' | 'MOUNT' | 'BLOCK' | 'RAW';

export interface DiskShape {
  readonly persistence?: { readonly id: string; readonly principal?: string };
  readonly volume?: {
    readonly containerPath: string;
    readonly mode: 'RW' | 'RO';
    readonly hostPath?: string;
  };
  readonly source?: {
    readonly type: DiskSourceType;
    readonly path?: { readonly root?: string };
    readonly mount?: { readonly root?: string };
    readonly id?: string;
    readonly profile?: string;
    readonly vendor?: string;
    readonly metadata?: LabelsShape;
  };
}
