import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { addressText, bareHost } from '../../common/model/address.js';
import { OutcryError } from '../../common/model/errors.js';
import { readArgs, usageError } from '../args.js';
import type { Context } from '../context.js';
import { SETTINGS_FILE, changedConfigs, writeDeployment } from '../deploy/files.js';
import { openDoors } from '../deploy/open-doors.js';
import { DEFAULT_PORTS, checkCells, isLocal, parseCell } from '../deploy/plan.js';
import type { DeploymentPlan, PlannedCell } from '../deploy/plan.js';
import { readIfThere } from '../deploy/private-files.js';
import { parseAddress, planUsers } from '../nats/plan.js';
import type { NatsPlan } from '../nats/plan.js';
import { readAddresses, readExisting, readServers } from '../nats/read-options.js';
import { plural } from '../output.js';

export const INIT_USAGE =
  'config init --out DIR [--control HOST] [--cell ID=HOST[@ZONE] …] [--nats HOST:PORT,…] [--runtime docker|process] [--domain DOMAIN] [--mesos MASTERS] [--force | --update]';

export const INIT_OPTIONS: readonly (readonly [string, string])[] = [
  ['--out DIR', 'init: where; a directory for each machine, to be copied there'],
  ['--control HOST', 'init: machine of the BBS, the auctioneer, the API and the router; without: 127.0.0.1'],
  ['--cell ID=HOST[@ZONE]', 'init: a cell, its machine and its zone; repeated for each'],
  [
    '--nats HOST:PORT,…',
    'init: the NATS servers; several make a cluster; without: port 4222 of the control machine',
  ],
  ['--runtime docker|process', 'init: what runs containers; without: docker'],
  ['--domain DOMAIN', 'init: applications get their routes below it; without: localhost'],
  [
    '--mesos MASTERS',
    'init: also a bridge to Mesos: HOST:PORT,… of its masters, or zk://HOST:PORT,…/PATH; then no cell is needed',
  ],
  ['--force', 'init: replace what is there: every password and certificate is new'],
  ['--update', 'init: add cells, renew certificates; options left out, secrets and configurations stay'],
];

const OPTIONS = {
  out: { type: 'string' },
  control: { type: 'string' },
  cell: { type: 'string', multiple: true },
  nats: { type: 'string' },
  runtime: { type: 'string' },
  domain: { type: 'string' },
  mesos: { type: 'string' },
  force: { type: 'boolean' },
  update: { type: 'boolean' },
} as const;

const NATS_PORT = 4222;

/** The options of the run that wrote a directory; `--update` goes on from them. */
interface Settings {
  control: string;
  cells: string[];
  nats: string;
  runtime: string;
  domain: string;
  mesos?: string | undefined;
}

const readSettings = async (dir: string): Promise<Settings> => {
  const path = `${dir}/${SETTINGS_FILE}`;
  try {
    return JSON.parse((await readIfThere(path)) ?? '') as Settings;
  } catch {
    throw new OutcryError('FILE_INVALID', { path, problem: 'there is no deployment that could be updated' });
  }
};

const readCell = (text: string): PlannedCell => {
  const cell = parseCell(text);
  if (cell.ok) return cell.value;
  throw usageError(INIT_USAGE, `--cell: ${cell.error}`);
};

const idOf = (text: string): string => text.split('=')[0] ?? '';

/** Cells of before, and those given now; one given again has moved. */
const mergeCells = (before: readonly string[], given: readonly string[]): string[] => [
  ...before.map((text) => given.find((other) => idOf(other) === idOf(text)) ?? text),
  ...given.filter((text) => !before.some((other) => idOf(other) === idOf(text))),
];

const planNats = (settings: Settings, cells: readonly PlannedCell[], tls: boolean): NatsPlan => {
  const addresses = readAddresses({ option: '--nats', text: settings.nats, usage: INIT_USAGE });
  const servers = readServers(addresses, [], INIT_USAGE);
  return { servers, users: planUsers(cells.map(({ id }) => id)), tls };
};

const planDeployment = (settings: Settings): DeploymentPlan => {
  const { control, runtime, domain, mesos } = settings;
  const host = parseAddress(addressText({ host: control, port: 1 }));
  if (!host.ok)
    throw usageError(INIT_USAGE, `--control: '${control}' is no address that others can connect to`);
  if (runtime !== 'docker' && runtime !== 'process') {
    throw usageError(INIT_USAGE, `--runtime takes docker or process, not '${runtime}'`);
  }
  const cells = settings.cells.map(readCell);
  checkCells(cells);
  const named = cells.find((cell) => isIP(cell.host) === 0);
  if (named && runtime === 'docker') {
    throw usageError(
      INIT_USAGE,
      `--cell: with docker a cell needs an address, and '${named.host}' is a name`,
    );
  }
  const parts = { control, cells, runtime, domain, ports: DEFAULT_PORTS, docker: {} } as const;
  return mesos === undefined ? parts : { ...parts, mesos };
};

const report = (context: Context, place: string, plan: DeploymentPlan, nats: NatsPlan): void => {
  for (const { name, client } of nats.servers) {
    context.print(`${place}/nats/${name}: the NATS server at ${addressText(client)}`);
  }
  const components = plan.mesos === undefined ? 'bbs, auctioneer' : 'bbs, auctioneer, mesos-bridge';
  context.print(`${place}/control: ${components}, router and api, for ${plan.control}`);
  for (const { id, host } of plan.cells) context.print(`${place}/${id}: the cell ${id}, for ${host}`);
  if (!isLocal(plan)) {
    context.print(`${place}/authority and ${place}/nats/authority: sign certificates; keep their keys apart`);
  }
  context.print(`${plural(plan.cells.length, 'cell')}; docs/operating.md says how to start them`);
  if (!isLocal(plan) && plan.domain === 'localhost') {
    context.note('applications get routes below localhost: give --domain for one that others can resolve');
  }
};

/** Files that are there stay, whatever was asked for. */
const reportKept = (context: Context, place: string, before: Settings, plan: DeploymentPlan): void => {
  for (const [name, config] of Object.entries(changedConfigs(planDeployment(before), plan))) {
    const keys = Object.entries(config).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    context.note(`${place}/${name} stays as it was; change it by hand to ${keys.join(', ')}`);
  }
};

const reportOpenDoors = async (context: Context, dir: string, place: string, plan: DeploymentPlan) => {
  for (const { file, key, clients } of await openDoors(dir, plan)) {
    const list = `clients: [${clients.join(', ')}]`;
    context.note(
      `${place}/${file} lets every certificate of the authority in at ${key}; once all have been renewed, add to its tls: ${list}`,
    );
  }
};

/** `outcry config init` */
export const initConfig = async (context: Context, args: readonly string[]): Promise<number> => {
  const { values } = readArgs({ usage: INIT_USAGE, options: OPTIONS, words: [] }, args);
  if (values.out === undefined) throw usageError(INIT_USAGE, '--out is missing');
  const existing = readExisting(values, INIT_USAGE);
  const dir = resolve(context.cwd, values.out);
  const before = existing === 'update' ? await readSettings(dir) : undefined;
  const control = bareHost(values.control ?? before?.control ?? '127.0.0.1');
  const settings: Settings = {
    control,
    cells: mergeCells(before?.cells ?? [], values.cell ?? []),
    nats: values.nats ?? before?.nats ?? addressText({ host: control, port: NATS_PORT }),
    runtime: values.runtime ?? before?.runtime ?? 'docker',
    domain: values.domain ?? before?.domain ?? 'localhost',
    mesos: values.mesos ?? before?.mesos,
  };
  const plan = planDeployment(settings);
  if (plan.cells.length === 0 && plan.mesos === undefined)
    throw usageError(INIT_USAGE, '--cell is missing: give at least one');
  const nats = planNats(settings, plan.cells, !isLocal(plan));
  await writeDeployment({
    dir,
    plan,
    nats: {
      plan: nats,
      settings: {
        servers: settings.nats,
        routes: undefined,
        cells: plan.cells.map(({ id }) => id),
        tls: nats.tls,
      },
    },
    existing,
    settings,
    path: context.env.PATH,
    secret: (bytes) => randomBytes(bytes).toString('hex'),
  });
  report(context, values.out, plan, nats);
  if (before) {
    reportKept(context, values.out, before, plan);
    await reportOpenDoors(context, dir, values.out, plan);
  }
  return 0;
};
