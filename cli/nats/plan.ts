import { addressText } from '../../common/model/address.js';
import type { Address } from '../../common/model/address.js';
import { OutcryError } from '../../common/model/errors.js';
import { isToken } from '../../common/model/ids.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import { cellRole, ROLES } from '../../common/wire/nats-roles.js';
import type { NatsRole, RolePermissions } from '../../common/wire/nats-roles.js';

/** Role, and user, of all cells on Mesos. */
export const MESOS_CELLS = 'mesos-cells' satisfies NatsRole;

export interface PlannedServer {
  /** `nats-1`: its name in the cluster and its directory */
  readonly name: string;
  /** where components connect */
  readonly client: Address;
  /** where the other servers connect */
  readonly route: Address;
}

/** What is to be run: everything but the secrets. */
export interface NatsPlan {
  /** in a cluster when several */
  readonly servers: readonly PlannedServer[];
  readonly users: Readonly<Record<string, RolePermissions>>;
  readonly tls: boolean;
}

/** From a client port to its route port, when none is given: 4222 → 6222, as NATS has it. */
const ROUTE_PORT_OFFSET = 2_000;

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):(\d{1,5})$/;

/** `HOST:PORT` that somebody else can connect to. */
export const parseAddress = (text: string): Result<Address, string> => {
  const [, v6, name, digits] = ADDRESS.exec(text) ?? [];
  const [host, port] = [v6 ?? name, Number(digits)];
  if (host === undefined) return err(`'${text}' is not HOST:PORT`);
  if (port < 1 || port > 65_535) return err(`'${text}' has no port from 1 to 65535`);
  if (/^[0.]+$|^[0:]+$/.test(host)) return err(`'${text}' is no address that components can connect to`);
  return ok({ host, port });
};

/** The servers with these addresses; `routes` in the same order, or empty. */
export const planServers = (clients: readonly Address[], routes: readonly Address[]): PlannedServer[] =>
  clients.map((client, at) => ({
    name: `nats-${at + 1}`,
    client,
    route: routes[at] ?? { host: client.host, port: client.port + ROUTE_PORT_OFFSET },
  }));

/** What is wrong with these servers, if anything. */
export const problemOfServers = (servers: readonly PlannedServer[]): string | undefined => {
  const used = servers.flatMap(({ client, route }) => (servers.length > 1 ? [client, route] : [client]));
  const high = used.find(({ port }) => port > 65_535);
  if (high) return `the route port ${high.port} is too high; give --routes`;
  const texts = used.map(addressText);
  const twice = texts.find((text, at) => texts.indexOf(text) !== at);
  return twice === undefined ? undefined : `the address ${twice} is used twice`;
};

const unfit = (cellId: string, reason: string): OutcryError =>
  new OutcryError('CELL_ID_INVALID', { cellId, reason });

/** One user per role, named so, and one per cell, named as its id. */
export const planUsers = (cells: readonly string[]): Record<string, RolePermissions> => {
  const users: Record<string, RolePermissions> = { ...ROLES };
  for (const id of cells) {
    if (!isToken(id)) throw unfit(id, 'it has characters besides letters, digits, "_" and "-"');
    if (Object.hasOwn(ROLES, id)) throw unfit(id, 'that is the name of a role');
    users[id] = cellRole(id);
  }
  return users;
};
