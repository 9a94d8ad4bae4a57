import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { DiskShape, LabelsShape, ReservationShape, ResourceShape } from './resource-shape.js';

/** One reservation of a stack; the coarsest comes first. */
export interface Reservation {
  readonly type: 'STATIC' | 'DYNAMIC';
  readonly role: string;
  readonly principal?: string;
  readonly labels?: LabelsShape;
}

/** All that must agree for two resources to be added or subtracted (mesos-v1.md §13). */
export interface ResourceClass {
  readonly name: string;
  readonly type: 'SCALAR' | 'RANGES' | 'SET';
  /** none = unreserved */
  readonly reservations: readonly Reservation[];
  /** role that it is offered or allocated to; '' = none */
  readonly allocationRole: string;
  readonly disk?: DiskShape;
  readonly revocable: boolean;
  readonly shared: boolean;
  /** '' = the agent itself */
  readonly providerId: string;
}

const own = (shape: ReservationShape, type: Reservation['type'], role: string): Reservation => ({
  type,
  role,
  ...(shape.principal !== undefined && { principal: shape.principal }),
  ...(shape.labels !== undefined && { labels: shape.labels }),
});

const readStacked = (shape: ReservationShape): Result<Reservation, string> => {
  if (shape.type !== 'STATIC' && shape.type !== 'DYNAMIC')
    return err("Invalid reservation: 'Resource.ReservationInfo.type' field must be set");
  if (shape.role === undefined || shape.role === '' || shape.role === '*')
    return err("Invalid reservation: 'Resource.ReservationInfo.role' field must be set, and not to '*'");
  return ok(own(shape, shape.type, shape.role));
};

const readStack = (shapes: readonly ReservationShape[]): Result<Reservation[], string> => {
  const stack: Reservation[] = [];
  for (const shape of shapes) {
    const reservation = readStacked(shape);
    if (!reservation.ok) return reservation;
    const { role, type } = reservation.value;
    const below = stack.at(-1)?.role;
    if (below !== undefined && type === 'STATIC')
      return err('Invalid refined reservation: a refined reservation cannot be STATIC');
    if (below !== undefined && !role.startsWith(`${below}/`))
      return err(`Invalid refined reservation: role '${role}' is not a refinement of '${below}'`);
    stack.push(reservation.value);
  }
  return ok(stack);
};

/** Both forms of saying whom it is reserved for, as a stack. */
const readReservations = (shape: ResourceShape): Result<readonly Reservation[], string> => {
  const { role = '*', reservation, reservations = [] } = shape;
  if (reservations.length > 0) {
    return shape.role !== undefined || reservation !== undefined
      ? err("'Resource.role' and 'Resource.reservation' must not be set with 'Resource.reservations'")
      : readStack(reservations);
  }
  if (reservation !== undefined) {
    return role === '*'
      ? err("Invalid reservation: role '*' cannot be dynamically reserved")
      : ok([own(reservation, 'DYNAMIC', role)]);
  }
  return ok(role === '*' ? NONE : [{ type: 'STATIC', role }]);
};

const NONE: readonly Reservation[] = [];

const diskProblem = ({ name, disk, revocable }: ResourceShape): string | undefined => {
  if (disk === undefined) return undefined;
  if (name !== 'disk') return 'DiskInfo should not be set for ' + name + ' resource';
  return disk.persistence !== undefined && revocable !== undefined
    ? 'Persistent volumes cannot be created from revocable resources'
    : undefined;
};

const typeProblem = ({ name, type }: ResourceShape): string | undefined => {
  if (name === '') return 'Empty resource name';
  return type === 'SCALAR' || type === 'RANGES' || type === 'SET' ? undefined : 'Unsupported resource type';
};

/** Which class a resource is of, or why it is of none. */
export const readClass = (shape: ResourceShape): Result<ResourceClass, string> => {
  const problem = typeProblem(shape) ?? diskProblem(shape);
  if (problem !== undefined) return err(problem);
  const reservations = readReservations(shape);
  if (!reservations.ok) return reservations;
  return ok({
    name: shape.name,
    type: shape.type as ResourceClass['type'],
    reservations: reservations.value,
    allocationRole: shape.allocationInfo?.role ?? '',
    ...(shape.disk !== undefined && { disk: shape.disk }),
    revocable: shape.revocable !== undefined,
    shared: shape.shared !== undefined,
    providerId: shape.providerId?.value ?? '',
  });
};

const reservationKey = ({ type, role, principal, labels }: Reservation): unknown[] => [
  type,
  role,
  principal,
  labels?.labels.map(({ key, value }) => [key, value]),
];

const diskKey = ({ persistence, volume, source }: DiskShape): unknown[] => [
  persistence?.id,
  persistence?.principal,
  volume,
  source && [
    source.type,
    source.path?.root,
    source.mount?.root,
    source.id,
    source.profile,
    source.vendor,
    source.metadata,
  ],
];

/** Equal exactly for equal classes. */
export const classKey = (of: ResourceClass): string => {
  const plain = `${of.name}\u0000${of.type}\u0000${of.allocationRole}`;
  const isPlain = !of.revocable && !of.shared && of.disk === undefined && of.providerId === '';
  if (isPlain && of.reservations.length === 0) return plain;
  const disk = of.disk && diskKey(of.disk);
  return `${plain}\u0000${JSON.stringify([of.reservations.map(reservationKey), disk, of.revocable, of.shared, of.providerId])}`;
};

/** Taken whole or not at all: persistent volumes, whole disks, and what is shared. */
export const isIndivisible = ({ disk, shared }: ResourceClass): boolean =>
  shared ||
  disk?.persistence !== undefined ||
  (disk?.source?.type !== undefined && disk.source.type !== 'PATH' && disk.source.type !== 'RAW') ||
  (disk?.source?.type === 'RAW' && disk.source.id !== undefined);

const diskText = ({ persistence, source }: DiskShape): string => {
  const of =
    source?.type === undefined ? '' : source.type + (source.id === undefined ? '' : `(${source.id})`);
  return `[${[of, persistence?.id ?? ''].filter((part) => part !== '').join(',')}]`;
};

const reservationText = ({ type, role, principal }: Reservation): string =>
  `(${[type, role, ...(principal === undefined ? [] : [principal])].join(',')})`;

/** In the writing of Mesos: `cpus(allocated: web)(reservations: [(STATIC,web)])`. */
export const classText = (of: ResourceClass): string =>
  [
    of.name,
    of.allocationRole === '' ? '' : `(allocated: ${of.allocationRole})`,
    of.reservations.length === 0 ? '' : `(reservations: [${of.reservations.map(reservationText).join(',')}])`,
    of.disk === undefined ? '' : diskText(of.disk),
    of.revocable ? '{REV}' : '',
    of.shared ? '<SHARED>' : '',
  ].join('');
