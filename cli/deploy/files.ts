/** All files of a deployment: a directory for each machine, complete in itself. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { OutcryError } from '../../common/model/errors.js';
import { isMapping } from '../../common/model/read.js';
import { CLIENT_ROLES } from '../../common/model/well-known.js';
import type { ClientRole, Component } from '../../common/model/well-known.js';
import { MESOS_CELLS } from '../nats/plan.js';
import type { NatsPlan } from '../nats/plan.js';
import { writeNatsFiles } from '../nats/files.js';
import type { Settings as NatsSettings } from '../nats/files.js';
import { makeCertificates } from './certificates.js';
import type { Certificates, KeyPair, Leaf } from './certificates.js';
import { cellConfig, controlConfigs } from './component-configs.js';
import type { ComponentConfig } from './component-configs.js';
import { isLocal } from './plan.js';
import type { DeploymentPlan } from './plan.js';
import { readIfThere, writeAll } from './private-files.js';
import type { Files } from './private-files.js';

export interface Deployment {
  readonly plan: DeploymentPlan;
  readonly nats: { readonly plan: NatsPlan; readonly settings: NatsSettings };
}

export interface WriteDeploymentOptions extends Deployment {
  readonly dir: string;
  /**
   * `refuse`: nothing may be there; `replace`: all is made anew; `update`: secrets and configurations stay; `rewrite`:
   * secrets stay
   */
  readonly existing: 'refuse' | 'replace' | 'update' | 'rewrite';
  /** put into the configurations of these components; what both have as mappings is joined */
  readonly extra?: Readonly<Partial<Record<Component, ComponentConfig>>>;
  /** where logs are written, a file each; standard output when absent */
  readonly logDir?: string;
  /** kept beside the rest, for `update` */
  readonly settings: object;
  /** where `openssl` is looked for, as PATH; without: as this process would */
  readonly path?: string | undefined;
  /** random bytes as hex */
  secret(bytes: number): string;
}

export const SETTINGS_FILE = 'deployment.json';

const AUTHORITY = 'Outcry authority';
/** Who has a NATS user and a certificate on the control machine: its components, and people who operate it. */
const controlRoles = ({ mesos }: DeploymentPlan): ClientRole[] =>
  CLIENT_ROLES.filter((role) => role !== 'cell' && (role !== 'mesos-bridge' || mesos !== undefined));

const HEAD = `# Written by 'outcry config init'; yours to change. Relative paths count from this file.
# All keys: docs/reference/configuration.md; check with 'outcry config check FILE'.
`;

const rendered = (config: ComponentConfig): string => HEAD + stringify(config);

type Configured = Pick<WriteDeploymentOptions, 'plan' | 'extra' | 'logDir'>;

/** What both have as mappings is joined; else the second has the word. */
export const joined = (config: ComponentConfig, extra: ComponentConfig = {}): ComponentConfig => ({
  ...config,
  ...Object.fromEntries(
    Object.entries(extra).map(([key, value]) => {
      const own = config[key];
      return [key, isMapping(own) && isMapping(value) ? { ...own, ...value } : value];
    }),
  ),
});

/** By file. */
export const configsOf = ({ plan, extra, logDir }: Configured): Record<string, ComponentConfig> => {
  const logged = (name: string, config: ComponentConfig): ComponentConfig =>
    logDir === undefined ? config : { ...config, log: { file: join(logDir, `${name}.log`) } };
  return {
    ...Object.fromEntries(
      Object.entries(controlConfigs(plan)).map(([name, config]) => [
        `control/${name}.yml`,
        logged(name, joined(config, extra?.[name as Component])),
      ]),
    ),
    ...Object.fromEntries(
      plan.cells.map((cell) => [
        `${cell.id}/cell.yml`,
        logged(cell.id, joined(cellConfig(plan, cell), extra?.cell)),
      ]),
    ),
  };
};

const configFiles = (options: WriteDeploymentOptions): Files =>
  Object.fromEntries(Object.entries(configsOf(options)).map(([name, config]) => [name, rendered(config)]));

/**
 * What the second plan would have otherwise in files that the first one has as well, by file. `update` leaves them as they
 * are: it is for people to change.
 */
export const changedConfigs = (
  before: DeploymentPlan,
  after: DeploymentPlan,
): Record<string, ComponentConfig> => {
  const old = configsOf({ plan: before });
  const differing = (name: string, config: ComponentConfig): ComponentConfig =>
    Object.fromEntries(
      Object.entries(config).filter(([key, value]) => !isDeepStrictEqual(value, old[name]?.[key])),
    );
  return Object.fromEntries(
    Object.entries(configsOf({ plan: after }))
      .filter(([name]) => old[name] !== undefined)
      .map(([name, config]) => [name, differing(name, config)] as const)
      .filter(([, config]) => Object.keys(config).length > 0),
  );
};

/** … and cells on Mesos, whose credentials the bridge hands out. */
const usersOf = (plan: DeploymentPlan): string[] => [
  ...controlRoles(plan),
  ...(plan.mesos === undefined ? [] : [MESOS_CELLS]),
];

const leavesOf = (plan: DeploymentPlan): Leaf[] => [
  ...(plan.mesos === undefined ? [] : [{ name: MESOS_CELLS, role: 'cell' as const, hosts: [plan.control] }]),
  ...controlRoles(plan).map((role) => ({ name: role, role, hosts: [plan.control] })),
  ...plan.cells.map(({ id, host }) => ({ name: id, role: 'cell' as const, hosts: [host] })),
];

const tlsFiles = (dir: string, name: string, pair: KeyPair): Files => ({
  [`${dir}/tls/${name}.pem`]: pair.certificate,
  [`${dir}/tls/${name}.key`]: pair.key,
});

const certificateFiles = ({ cells }: DeploymentPlan, { ca, leaves }: Certificates): Files => {
  const dirs = ['control', ...cells.map(({ id }) => id)];
  const dirOf = (name: string): string => (cells.some(({ id }) => id === name) ? name : 'control');
  return {
    'authority/ca.pem': ca.certificate,
    'authority/ca.key': ca.key,
    ...Object.fromEntries(dirs.map((dir) => [`${dir}/tls/ca.pem`, ca.certificate])),
    ...Object.assign({}, ...Object.entries(leaves).map(([name, pair]) => tlsFiles(dirOf(name), name, pair))),
  };
};

const readAuthority = async (dir: string): Promise<KeyPair | undefined> => {
  const certificate = await readIfThere(join(dir, 'authority', 'ca.pem'));
  const key = await readIfThere(join(dir, 'authority', 'ca.key'));
  return certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
};

/** Each machine gets the users' files of its own components, and no other. */
const natsFiles = async (dir: string, { plan, nats }: Deployment): Promise<Files> => {
  const placed = [
    ...usersOf(plan).map((user) => ['control', user] as const),
    ...plan.cells.map(({ id }) => [id, id] as const),
  ];
  const read = async (name: string): Promise<string> =>
    (await readIfThere(join(dir, 'nats', 'users', name))) ?? '';
  const files: Files = {};
  for (const [home, user] of placed) {
    files[`${home}/nats/${user}.json`] = await read(`${user}.json`);
    if (nats.plan.tls) files[`${home}/nats/ca.pem`] = await read('ca.pem');
  }
  return files;
};

/** Whatever may have been changed by hand stays. */
const withoutExisting = (dir: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).filter(([name]) => !existsSync(join(dir, name))));

/** Directories for what components make themselves: sockets, logs. */
const makeDirs = async ({ dir, plan, logDir }: WriteDeploymentOptions): Promise<void> => {
  const homes = ['control', ...plan.cells.map(({ id }) => id)].map((home) => join(dir, home, 'run'));
  for (const made of logDir === undefined ? homes : [...homes, logDir]) {
    await mkdir(made, { recursive: true, mode: 0o700 });
  }
};

const makeTls = async (options: WriteDeploymentOptions, keeps: boolean): Promise<Files> => {
  const { dir, plan, path, secret } = options;
  if (isLocal(plan)) return {};
  const ca = keeps ? await readAuthority(dir) : undefined;
  const made = await makeCertificates({ leaves: leavesOf(plan), authority: AUTHORITY, ca, path, secret });
  return certificateFiles(plan, made);
};

/** Writes everything, readable by its owner only. CONFIG_EXISTS when something is there that must not be. */
export const writeDeployment = async (options: WriteDeploymentOptions): Promise<void> => {
  const { dir, nats, existing, path, secret, settings } = options;
  const there = ['control', 'nats', SETTINGS_FILE].map((name) => join(dir, name)).find(existsSync);
  if (existing === 'refuse' && there !== undefined) throw new OutcryError('CONFIG_EXISTS', { path: there });
  const keeps = existing === 'update' || existing === 'rewrite';
  const certificates = await makeTls(options, keeps);
  await writeNatsFiles({
    ...nats,
    dir: join(dir, 'nats'),
    existing: existing === 'rewrite' ? 'update' : existing,
    path,
    secret,
  });
  const configs = configFiles(options);
  await writeAll(dir, {
    ...certificates,
    ...(await natsFiles(dir, options)),
    ...(existing === 'update' ? withoutExisting(dir, configs) : configs),
    [SETTINGS_FILE]: `${JSON.stringify(settings, null, 2)}\n`,
  });
  await makeDirs(options);
};
