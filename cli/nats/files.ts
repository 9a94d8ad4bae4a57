import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { readIfThere, writeAll } from '../deploy/private-files.js';
import type { Files } from '../deploy/private-files.js';
import { makeCertificates } from '../deploy/certificates.js';
import type { Certificates, KeyPair, Leaf } from '../deploy/certificates.js';
import { serverConfig, userFile } from './server-config.js';
import type { NatsSecrets } from './server-config.js';
import type { NatsPlan, PlannedServer } from './plan.js';

/** What an earlier run left, to go on with: passwords and the authority. */
interface Kept {
  readonly secrets: NatsSecrets;
  readonly ca: KeyPair | undefined;
}

export const readJson = async (path: string): Promise<Record<string, unknown>> => {
  const text = (await readIfThere(path)) ?? '{}';
  try {
    return JSON.parse(text.replace(/^#.*$/gm, '')) as Record<string, unknown>;
  } catch {
    // without its text: that of a syntax error may show a password
    throw new OutcryError('NATS_FILE_INVALID', { path, problem: 'is not JSON' });
  }
};

/** The options of the run that wrote a directory; `--update` goes on from them. */
export interface Settings {
  readonly servers: string;
  readonly routes: string | undefined;
  readonly cells: readonly string[];
  readonly tls: boolean;
}

const SETTINGS = 'nats-config.json';

/** NATS_FILE_INVALID where no earlier run has left any. */
export const readSettings = async (dir: string): Promise<Settings> => {
  const path = join(dir, SETTINGS);
  const { servers, routes, cells, tls } = await readJson(path);
  const valid =
    typeof servers === 'string' &&
    (routes === undefined || typeof routes === 'string') &&
    Array.isArray(cells) &&
    cells.every((cell) => typeof cell === 'string') &&
    typeof tls === 'boolean';
  if (valid) return { servers, routes, cells, tls };
  throw new OutcryError('NATS_FILE_INVALID', { path, problem: 'nothing there that could be updated' });
};

const readPassword = async (path: string): Promise<string | undefined> => {
  const { password } = await readJson(path);
  return typeof password === 'string' && password !== '' ? password : undefined;
};

const readRoutePassword = async (dir: string): Promise<string | undefined> => {
  const { cluster } = await readJson(join(dir, 'nats-1', 'nats.conf'));
  return (cluster as { authorization?: { password?: string } } | undefined)?.authorization?.password;
};

/** What `dir` holds of these users' passwords and of the authority. */
const readKept = async (dir: string, users: readonly string[]): Promise<Kept> => {
  const passwords: Record<string, string> = {};
  for (const user of users) {
    const password = await readPassword(join(dir, 'users', `${user}.json`));
    if (password !== undefined) passwords[user] = password;
  }
  const certificate = await readIfThere(join(dir, 'authority', 'ca.pem'));
  const key = await readIfThere(join(dir, 'authority', 'ca.key'));
  return {
    secrets: { users: passwords, route: (await readRoutePassword(dir)) ?? '' },
    ca: certificate !== undefined && key !== undefined ? { certificate, key } : undefined,
  };
};

const AUTHORITY = 'Outcry NATS authority';

const leafOf = ({ name, client, route }: PlannedServer): Leaf => ({ name, hosts: [client.host, route.host] });

const certificateFiles = ({ ca, leaves }: Certificates): Files => ({
  'authority/ca.pem': ca.certificate,
  'authority/ca.key': ca.key,
  'users/ca.pem': ca.certificate,
  ...Object.fromEntries(
    Object.entries(leaves).flatMap(([name, { certificate, key }]) => [
      [`${name}/ca.pem`, ca.certificate],
      [`${name}/server.pem`, certificate],
      [`${name}/server.key`, key],
    ]),
  ),
});

const configFiles = (plan: NatsPlan, secrets: NatsSecrets): Files => ({
  ...Object.fromEntries(
    plan.servers.map((server) => [`${server.name}/nats.conf`, serverConfig(plan, server, secrets)]),
  ),
  ...Object.fromEntries(
    Object.keys(plan.users).map((user) => [`users/${user}.json`, userFile(plan, user, secrets)]),
  ),
});

export interface WriteOptions {
  readonly dir: string;
  readonly plan: NatsPlan;
  readonly settings: Settings;
  /** `refuse`: nothing may be there; `replace`: all is made anew; `update`: secrets that are there stay */
  readonly existing: 'refuse' | 'replace' | 'update';
  /** where `openssl` is looked for, as PATH; without: as this process would */
  readonly path?: string | undefined;
  /** random bytes as hex */
  secret(bytes: number): string;
}

const PASSWORD_BYTES = 24;

const refuseExisting = (dir: string, plan: NatsPlan): void => {
  const names = Object.keys(configFiles(plan, { users: {}, route: '' }));
  const there = [SETTINGS, ...names, 'authority/ca.key']
    .map((name) => join(dir, name))
    .find((path) => existsSync(path));
  if (there !== undefined) throw new OutcryError('CONFIG_EXISTS', { path: there });
};

/** Writes all files of the plan, readable by their owner only; nothing when something cannot be made. */
export const writeNatsFiles = async (options: WriteOptions): Promise<void> => {
  const { dir, plan, settings, existing, path, secret } = options;
  if (existing === 'refuse') refuseExisting(dir, plan);
  const users = Object.keys(plan.users);
  const kept = existing === 'update' ? await readKept(dir, users) : undefined;
  const fresh = (): string => secret(PASSWORD_BYTES);
  const secrets: NatsSecrets = {
    users: Object.fromEntries(users.map((user) => [user, kept?.secrets.users[user] ?? fresh()])),
    route: kept?.secrets.route || fresh(),
  };
  const certificates = plan.tls
    ? certificateFiles(
        await makeCertificates({
          leaves: plan.servers.map(leafOf),
          authority: AUTHORITY,
          ca: kept?.ca,
          path,
          secret,
        }),
      )
    : {};
  const record = { [SETTINGS]: `${JSON.stringify(settings, null, 2)}\n` };
  await writeAll(dir, { ...certificates, ...configFiles(plan, secrets), ...record });
};
