import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { addressText, isLoopback } from '../../common/model/address.js';
import { readArgs, readCount, usageError } from '../args.js';
import type { Command, Context } from '../context.js';
import { localCellId } from '../deploy/local-cells.js';
import { readSettings, writeNatsFiles } from '../nats/files.js';
import type { Settings } from '../nats/files.js';
import { planUsers } from '../nats/plan.js';
import type { NatsPlan, PlannedServer } from '../nats/plan.js';
import { readAddresses, readExisting, readServers } from '../nats/read-options.js';
import { plural } from '../output.js';

const USAGE =
  'nats-config --out DIR [--servers HOST:PORT,…] [--routes HOST:PORT,…] [--cells N | --cell ID …] [--tls] [--force | --update]';

const OPTIONS = {
  out: { type: 'string' },
  servers: { type: 'string' },
  routes: { type: 'string' },
  cells: { type: 'string' },
  cell: { type: 'string', multiple: true },
  tls: { type: 'boolean' },
  force: { type: 'boolean' },
  update: { type: 'boolean' },
} as const;

const DEFAULT_SERVER = '127.0.0.1:4222';

const plannedServers = ({ servers, routes }: Settings): PlannedServer[] => {
  const read = (option: string, text: string) => readAddresses({ option, text, usage: USAGE });
  const clients = read('--servers', servers);
  const routed = routes === undefined ? [] : read('--routes', routes);
  if (routes !== undefined && routed.length !== clients.length) {
    throw usageError(USAGE, '--routes takes one address for each of --servers, in the same order');
  }
  return readServers(clients, routed, USAGE);
};

const DEFAULT_CELLS = 3;

const readCells = (
  count: string | undefined,
  ids: readonly string[] | undefined,
  known: readonly string[] | undefined,
): readonly string[] => {
  if (ids !== undefined && count !== undefined) throw usageError(USAGE, 'give --cells or --cell, not both');
  const asked = readCount(count, { name: '--cells', min: 0, max: 10_000, usage: USAGE });
  const numbered = asked ?? (ids === undefined && known === undefined ? DEFAULT_CELLS : 0);
  const named = ids ?? Array.from({ length: numbered }, (_, index) => localCellId(index));
  return [...new Set([...(known ?? []), ...named])];
};

const report = (context: Context, place: string, { servers, users, tls }: NatsPlan): void => {
  for (const { name, client } of servers) {
    context.print(`${place}/${name}: the server at ${addressText(client)}`);
  }
  context.print(`${place}/users: ${plural(Object.keys(users).length, 'user')}, a file for each component`);
  if (tls) context.print(`${place}/authority: signs the servers' certificates; keep its key apart`);
  context.print(`start each server in its directory: cd ${place}/nats-1 && nats-server -c nats.conf`);
  if (!tls && !servers.every(({ client, route }) => isLoopback(client.host) && isLoopback(route.host))) {
    context.note('without --tls passwords and messages cross the network readable by everyone on it');
  }
};

export const natsConfig: Command = {
  name: 'nats-config',
  usage: USAGE,
  summary: 'write the configuration of NATS servers, with a user for each component',
  options: [
    ['--out DIR', 'where: a directory for each server, and one with a file for each user'],
    [
      '--servers HOST:PORT,…',
      `where components reach the servers; several make a cluster; without: ${DEFAULT_SERVER}`,
    ],
    ['--routes HOST:PORT,…', 'where the servers reach each other; without: the same hosts, port + 2000'],
    ['--cells N', 'users for cell-1 to cell-N; without: 3'],
    ['--cell ID', 'a user for the cell with this id; may be repeated'],
    ['--tls', 'encrypt: makes an authority and a certificate for each server, by openssl'],
    ['--force', 'replace what is there: every password and certificate is new'],
    [
      '--update',
      'add to what is there, or renew certificates: options left out, passwords and authority stay',
    ],
  ],
  async run(context, args) {
    const { values } = readArgs({ usage: USAGE, options: OPTIONS, words: [] }, args);
    if (values.out === undefined) throw usageError(USAGE, '--out is missing');
    const existing = readExisting(values, USAGE);
    const dir = resolve(context.cwd, values.out);
    const before = existing === 'update' ? await readSettings(dir) : undefined;
    const settings: Settings = {
      servers: values.servers ?? before?.servers ?? DEFAULT_SERVER,
      // routes belong to their servers
      routes: values.routes ?? (values.servers === undefined ? before?.routes : undefined),
      cells: readCells(values.cells, values.cell, before?.cells),
      tls: values.tls ?? before?.tls ?? false,
    };
    const plan: NatsPlan = {
      servers: plannedServers(settings),
      users: planUsers(settings.cells),
      tls: settings.tls,
    };
    const secret = (bytes: number): string => randomBytes(bytes).toString('hex');
    await writeNatsFiles({ dir, plan, settings, existing, path: context.env.PATH, secret });
    report(context, values.out, plan);
    return 0;
  },
};
