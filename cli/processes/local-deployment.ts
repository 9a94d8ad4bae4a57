/** The deployment that `outcry up --processes` runs: every machine of it is this one. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { MESOS_PRINCIPAL } from '../../common/model/well-known.js';
import type { Component } from '../../common/model/well-known.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import type { ComponentConfig } from '../deploy/component-configs.js';
import { localZone } from '../deploy/local-cells.js';
import { joined, writeDeployment } from '../deploy/files.js';
import type { DeploymentPlan } from '../deploy/plan.js';
import { planServers, planUsers } from '../nats/plan.js';
import { nodeOptionsOf } from './node-options.js';
import type { Program } from './supervisor.js';

const HOST = '127.0.0.1';

export interface LocalPorts {
  readonly api: number;
  readonly router: number;
  /** client and route port of each NATS server */
  readonly nats: readonly { readonly client: number; readonly route: number }[];
}

/** A simulated Mesos beside the rest, and the bridge's ports. */
export interface LocalMesos {
  readonly agents: number;
  /** that its agents are in, in turns */
  readonly zones?: number | undefined;
  readonly master: number;
  readonly enrolment: number;
}

export interface LocalDeployment {
  readonly dir: string;
  readonly ports: LocalPorts;
  readonly cells: readonly string[];
  readonly runtime: LocalRuntime;
  /** absent: there is none */
  readonly mesos?: LocalMesos | undefined;
  /** put into the configuration of the BBS, and of every cell */
  readonly extra?: Readonly<Partial<Record<Component, ComponentConfig>>>;
}

/** As a choice of runtime has it: `where` is the engine's socket or `tcp://HOST:PORT`. */
export type LocalRuntime =
  | { readonly kind: 'process' }
  | { readonly kind: 'docker'; readonly where: string; readonly stacks: Readonly<Record<string, string>> };

const OUTCRY = 'cli/bin/outcry.mjs';
/** ms without work after which an executor goes: on a laptop people want to see it */
const IDLE = '30s';

/** As `/bin/sh` reads it. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Where the simulated Mesos keeps its own, and the bridge finds its secret. */
const mesosDir = (dir: string): string => join(dir, 'mesos');

const bridgeExtra = (dir: string, { enrolment: port }: LocalMesos): ComponentConfig => ({
  framework: { principal: MESOS_PRINCIPAL, secret_file: join(mesosDir(dir), 'secret') },
  executor: {
    command: `exec ${quoted(process.execPath)} ${quoted(join(packageRoot(), OUTCRY))} cell --mesos`,
    idle: IDLE,
  },
  enrolment: { url: `http://${HOST}:${port}`, listen: { host: HOST, port } },
});

const planOf = ({ ports, cells, runtime, mesos }: LocalDeployment): DeploymentPlan => ({
  control: HOST,
  // doors of one machine are sockets
  ports: { bbs: 0, blobs: 0, api: ports.api, router: ports.router },
  cells: cells.map((id, index) => ({ id, host: HOST, zone: localZone(index) })),
  runtime: runtime.kind,
  docker: runtime.kind === 'docker' ? { engine: runtime.where, stacks: runtime.stacks } : {},
  domain: 'localhost',
  ...(mesos && { mesos: `${HOST}:${mesos.master}` }),
});

/** Writes it anew: ports may have changed since the last start. Passwords stay. */
export const writeLocalDeployment = async (deployment: LocalDeployment): Promise<void> => {
  const { dir, ports, cells } = deployment;
  const address = (port: number) => ({ host: HOST, port });
  const servers = planServers(
    ports.nats.map(({ client }) => address(client)),
    ports.nats.map(({ route }) => address(route)),
  );
  await writeDeployment({
    dir,
    plan: planOf(deployment),
    nats: {
      plan: { servers, users: planUsers(cells), tls: false },
      settings: {
        servers: ports.nats.map(({ client }) => `${HOST}:${client}`).join(','),
        routes: ports.nats.map(({ route }) => `${HOST}:${route}`).join(','),
        cells,
        tls: false,
      },
    },
    existing: 'rewrite',
    settings: {},
    // one start and stop of the whole: containers go with it
    extra: {
      ...deployment.extra,
      cell: { on_stop: 'stop-containers', ...deployment.extra?.cell },
      ...(deployment.mesos && {
        'mesos-bridge': joined(bridgeExtra(dir, deployment.mesos), deployment.extra?.['mesos-bridge']),
      }),
    },
    logDir: join(dir, 'logs'),
    secret: (bytes) => randomBytes(bytes).toString('hex'),
  });
};

const GRACE_MS = 10_000;
/** cells let traffic go, then their containers */
const CELL_GRACE_MS = 30_000;

/** What is run of it, in the order of starting. */
export const programsOf = ({ dir, cells, ports, mesos }: LocalDeployment): Program[] => {
  const component = (name: string, home: string, kind: Component): Program => ({
    name,
    kind,
    command: process.execPath,
    args: [
      ...nodeOptionsOf(kind),
      join(packageRoot(), OUTCRY),
      kind,
      '--config',
      join(dir, home, `${kind}.yml`),
    ],
    cwd: join(dir, home),
    graceMs: kind === 'cell' ? CELL_GRACE_MS : GRACE_MS,
    adopts: kind === 'cell',
  });
  const servers = ports.nats.map((_, at): Program => {
    const home = join(dir, 'nats', `nats-${at + 1}`);
    const args = ['-c', join(home, 'nats.conf'), '-l', join(dir, 'logs', `nats-${at + 1}.log`)];
    const name = `nats-${at + 1}`;
    const rest = { cwd: home, graceMs: GRACE_MS, adopts: false };
    return { name, kind: 'nats', command: 'nats-server', args, ...rest };
  });
  const simulation = ({ agents, master, zones = 3 }: LocalMesos): Program => {
    const where = ['--zones', `${zones}`, '--port', `${master}`, '--data', mesosDir(dir)];
    const args = [join(packageRoot(), OUTCRY), 'mesos', 'simulate', '--agents', `${agents}`, ...where];
    const rest = { cwd: dir, graceMs: CELL_GRACE_MS, adopts: false };
    return { name: 'mesos', kind: 'mesos', command: process.execPath, args, ...rest };
  };
  return [
    ...servers,
    component('bbs', 'control', 'bbs'),
    component('auctioneer', 'control', 'auctioneer'),
    component('router', 'control', 'router'),
    ...(mesos ? [simulation(mesos), component('mesos-bridge', 'control', 'mesos-bridge')] : []),
    ...cells.map((id) => component(id, id, 'cell')),
    component('api', 'control', 'api'),
  ];
};
