/**
 * A `mesos.v1.Resource` as it travels (mesos-v1.md §7), so far as the arithmetic reads it. Structural, so that both
 * the protocol's messages and objects made by hand fit.
 */
export interface ResourceShape {
  readonly name: string;
  readonly type: string;
  readonly scalar?: { readonly value: number } | undefined;
  readonly ranges?: { readonly range: readonly RangeShape[] } | undefined;
  readonly set?: { readonly item: readonly string[] } | undefined;
  /** before refinement: `*` or absent = unreserved */
  readonly role?: string | undefined;
  readonly reservation?: ReservationShape | undefined;
  /** since refinement: a stack, the finest last */
  readonly reservations?: readonly ReservationShape[] | undefined;
  readonly disk?: DiskShape | undefined;
  readonly revocable?: object | undefined;
  readonly shared?: object | undefined;
  readonly allocationInfo?: { readonly role?: string | undefined } | undefined;
  readonly providerId?: { readonly value: string } | undefined;
}

/** Both ends belong to it. */
export interface RangeShape {
  readonly begin: number | bigint;
  readonly end: number | bigint;
}

export interface ReservationShape {
  readonly type?: string | undefined;
  readonly role?: string | undefined;
  readonly principal?: string | undefined;
  readonly labels?: LabelsShape | undefined;
}

export interface LabelsShape {
  readonly labels: readonly { readonly key: string; readonly value?: string | undefined }[];
}

export interface DiskShape {
  readonly persistence?: { readonly id: string; readonly principal?: string | undefined } | undefined;
  readonly volume?: object | undefined;
  readonly source?:
    | {
        readonly type?: string | undefined;
        readonly path?: { readonly root?: string | undefined } | undefined;
        readonly mount?: { readonly root?: string | undefined } | undefined;
        readonly id?: string | undefined;
        readonly profile?: string | undefined;
        readonly vendor?: string | undefined;
        readonly metadata?: object | undefined;
      }
    | undefined;
}
