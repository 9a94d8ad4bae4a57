/** What an executor says to the bridge, once in its life, and what it is handed for it (design §9). */

/** How an executor asks; each field is text that is not empty. */
export interface EnrolmentRequest {
  readonly token: string;
  readonly executorId: string;
  readonly agentId: string;
  /** made up by the executor: who asks again with the same one has not got the answer */
  readonly nonce: string;
}

/** One of our own doors, with the PEM texts that open it. */
export type EnrolledDoor =
  | { readonly socket: string }
  | {
      readonly url: string;
      readonly cert: string;
      readonly key: string;
      readonly ca: string;
    };

/** All that a cell on Mesos needs. It never travels through Mesos. */
export interface Enrolment {
  readonly nats: {
    readonly servers: readonly string[];
    readonly user: string;
    readonly password: string;
    /** PEM; absent where servers take no TLS */
    readonly ca?: string;
  };
  readonly bbs: EnrolledDoor;
  /** where droplets are; absent: the cell has none to fetch */
  readonly blobs?: EnrolledDoor;
  /** keys of a cell's configuration: runtime, rootfs providers, zone, tags … */
  readonly cell: Readonly<Record<string, unknown>>;
}

export const ENROLMENT_PATH = '/v1/enrolment';

const FIELDS = ['token', 'executorId', 'agentId', 'nonce'] as const;
/** Longest value of a field, in characters: Mesos's ids have at most 255. */
const LONGEST = 300;

const isField = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST;

/** undefined: it is no enrolment request. */
export const readEnrolmentRequest = (body: unknown): EnrolmentRequest | undefined => {
  if (typeof body !== 'object' || body === null) return undefined;
  const fields = body as Record<string, unknown>;
  return FIELDS.every((field) => isField(fields[field])) ? (body as EnrolmentRequest) : undefined;
};

const isText = (value: unknown): value is string => typeof value === 'string';

const isDoor = (value: unknown): value is EnrolledDoor => {
  if (typeof value !== 'object' || value === null) return false;
  const { socket, url, cert, key, ca } = value as Record<string, unknown>;
  return isText(socket) || [url, cert, key, ca].every(isText);
};

const isNats = (value: unknown): value is Enrolment['nats'] => {
  if (typeof value !== 'object' || value === null) return false;
  const { servers, user, password, ca } = value as Record<string, unknown>;
  const named = Array.isArray(servers) && servers.every(isText) && isText(user) && isText(password);
  return named && (ca === undefined || isText(ca));
};

/** undefined: it is no enrolment. */
export const readEnrolment = (body: unknown): Enrolment | undefined => {
  if (typeof body !== 'object' || body === null) return undefined;
  const { nats, bbs, blobs, cell } = body as Record<string, unknown>;
  const hasCell = typeof cell === 'object' && cell !== null && !Array.isArray(cell);
  const hasDoors = isDoor(bbs) && (blobs === undefined || isDoor(blobs));
  return isNats(nats) && hasDoors && hasCell ? (body as Enrolment) : undefined;
};
