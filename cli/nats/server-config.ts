import { addressText } from '../../common/model/address.js';
import { inboxPrefix } from '../../common/wire/nats-roles.js';
import type { RolePermissions } from '../../common/wire/nats-roles.js';
import type { NatsPlan, PlannedServer } from './plan.js';

/** Passwords of one plan: per user, and the one by which servers know each other. */
export interface NatsSecrets {
  readonly users: Readonly<Record<string, string>>;
  readonly route: string;
}

const ROUTE_USER = 'route';
/** Largest payload, bytes: what the Bus port promises, no more and no less. */
const MAX_PAYLOAD = 1024 * 1024;
/** s; a busy machine may need more than the server's own 1 and 2 s */
const HANDSHAKE_SECONDS = 5;

const HEAD = `# nats-server, as 'outcry nats-config' writes it. Paths are relative: start it in this directory,
#   nats-server -c nats.conf
# Holds passwords: keep it readable by its owner only.
`;

/** An empty list of what is allowed would allow everything. */
const allowing = (subjects: readonly string[]): object =>
  subjects.length > 0 ? { allow: subjects } : { deny: ['>'] };

const userEntry = (user: string, password: string, role: RolePermissions): object => ({
  user,
  password,
  permissions: {
    publish: allowing(role.publish),
    subscribe: allowing([...role.subscribe, `${inboxPrefix(user)}.>`]),
    ...(role.answers ? { allow_responses: { max: 1, expires: '1m' } } : {}),
  },
});

const CERTIFICATE = { cert_file: 'server.pem', key_file: 'server.key', timeout: HANDSHAKE_SECONDS };

const clusterEntry = (plan: NatsPlan, server: PlannedServer, password: string): object => ({
  name: 'outcry',
  host: server.route.host,
  port: server.route.port,
  authorization: { user: ROUTE_USER, password, timeout: HANDSHAKE_SECONDS },
  // servers show each other a certificate of the same authority
  ...(plan.tls ? { tls: { ...CERTIFICATE, ca_file: 'ca.pem', verify: true } } : {}),
  routes: plan.servers
    .filter(({ name }) => name !== server.name)
    .map(({ route }) => `nats-route://${ROUTE_USER}:${password}@${addressText(route)}`),
});

/** The configuration of one server. nats-server's language takes JSON as it is. */
export const serverConfig = (plan: NatsPlan, server: PlannedServer, secrets: NatsSecrets): string => {
  const config = {
    server_name: server.name,
    host: server.client.host,
    port: server.client.port,
    max_payload: MAX_PAYLOAD,
    ...(plan.tls ? { tls: CERTIFICATE } : {}),
    ...(plan.servers.length > 1 ? { cluster: clusterEntry(plan, server, secrets.route) } : {}),
    authorization: {
      timeout: HANDSHAKE_SECONDS,
      users: Object.entries(plan.users).map(([user, role]) =>
        userEntry(user, secrets.users[user] ?? '', role),
      ),
    },
  };
  return `${HEAD}${JSON.stringify(config, null, 2)}\n`;
};

/** What one component needs to connect: read by `readNatsAccess`. `ca` is relative to the file. */
export const userFile = (plan: NatsPlan, user: string, secrets: NatsSecrets): string => {
  const scheme = plan.tls ? 'tls' : 'nats';
  const access = {
    servers: plan.servers.map(({ client }) => `${scheme}://${addressText(client)}`),
    user,
    password: secrets.users[user],
    ...(plan.tls ? { ca: 'ca.pem' } : {}),
  };
  return `${JSON.stringify(access, null, 2)}\n`;
};
