/** The configuration file of each component of a deployment, as plain values. */
import { addressText } from '../../common/model/address.js';
import type { ClientRole } from '../../common/model/well-known.js';
import { MESOS_CELLS } from '../nats/plan.js';
import { LOCAL_REGISTRIES } from './local-cells.js';
import { capacityOf, hostPortsOf, isLocal, nthOf } from './plan.js';
import type { DeploymentPlan, PlannedCell } from './plan.js';

export type ComponentConfig = Record<string, unknown>;

/** Admin listeners, where they are on TCP: Diego's ports, where it has them. */
const ADMIN_PORTS: Readonly<Record<string, number>> = {
  bbs: 8890,
  auctioneer: 9017,
  'mesos-bridge': 9018,
  cell: 1800,
  router: 8085,
  api: 8091,
};

/** The control machine's directory, seen from a component's own on the same machine. */
const CONTROL = '../control';

const url = (host: string, port: number): string => `https://${addressText({ host, port })}`;

const tls = (name: string) => ({ cert: `tls/${name}.pem`, key: `tls/${name}.key`, ca: 'tls/ca.pem' });

/** Whom a door lets in: droplets are for cells alone, and whoever operates it all looks after the BBS, too. */
const CLIENTS = {
  bbs: ['auctioneer', 'mesos-bridge', 'cell', 'api', 'operator'],
  blobs: ['cell'],
  admin: ['operator'],
} satisfies Record<string, ClientRole[]>;

/** A bridge is let in where there is one. */
const doorTls = ({ mesos }: DeploymentPlan, name: string, door: keyof typeof CLIENTS) => ({
  ...tls(name),
  clients: CLIENTS[door].filter((role) => role !== 'mesos-bridge' || mesos !== undefined),
});

interface Process {
  component: string;
  /** name of its user, certificate and files */
  name: string;
  host: string;
  /** of several of one kind on a machine, from 0 */
  nth?: number;
}

const common = (plan: DeploymentPlan, { component, name, host, nth = 0 }: Process): ComponentConfig => ({
  component,
  nats: `nats/${name}.json`,
  admin: isLocal(plan)
    ? { socket: `run/${name}-admin.sock` }
    : { host, port: (ADMIN_PORTS[component] ?? 0) + nth * 10, tls: doorTls(plan, name, 'admin') },
});

/** A door of the control machine, as it is opened there. */
const door = (plan: DeploymentPlan, name: 'bbs' | 'blobs') =>
  isLocal(plan)
    ? { socket: `run/${name}.sock` }
    : {
        host: plan.control,
        port: plan.ports[name],
        tls: doorTls(plan, name === 'bbs' ? 'bbs' : 'api', name),
      };

/** … and as a client with that certificate finds it. */
const end = (plan: DeploymentPlan, name: 'bbs' | 'blobs', client: { name: string; dir: string }) =>
  isLocal(plan)
    ? { socket: `${client.dir}/run/${name}.sock` }
    : { url: url(plan.control, plan.ports[name]), tls: tls(client.name) };

const dockerKeys = (plan: DeploymentPlan): ComponentConfig => {
  const { engine, stacks } = plan.docker;
  const docker = {
    ...(engine !== undefined && { engine }),
    ...(stacks !== undefined && { stacks }),
    ...(isLocal(plan) && { registries: [...LOCAL_REGISTRIES] }),
  };
  return plan.runtime === 'docker' && Object.keys(docker).length > 0 ? { docker } : {};
};

const ENROLMENT_PORT = 9019;

/** What executors are handed, and where they get it: they are on other machines, where there is any other. */
const enrolmentOf = (plan: DeploymentPlan): ComponentConfig => {
  const client = { name: MESOS_CELLS, dir: '.' };
  const address = { host: plan.control, port: ENROLMENT_PORT };
  const handed = {
    nats: `nats/${MESOS_CELLS}.json`,
    bbs: end(plan, 'bbs', client),
    blobs: end(plan, 'blobs', client),
    cell: { runtime: plan.runtime, ...dockerKeys(plan) },
  };
  if (isLocal(plan)) return { url: `http://${addressText(address)}`, listen: address, ...handed };
  const keyPair = { cert: 'tls/mesos-bridge.pem', key: 'tls/mesos-bridge.key' };
  const listen = { ...address, tls: keyPair };
  return { url: url(plan.control, ENROLMENT_PORT), ca: 'tls/ca.pem', listen, ...handed };
};

const bridgeConfig = (plan: DeploymentPlan, masters: string): ComponentConfig => ({
  ...common(plan, { component: 'mesos-bridge', name: 'mesos-bridge', host: plan.control }),
  bbs: end(plan, 'bbs', { name: 'mesos-bridge', dir: '.' }),
  masters,
  executor: { command: 'outcry cell --mesos' },
  enrolment: enrolmentOf(plan),
});

/** Of the control machine, by the component. */
export const controlConfigs = (plan: DeploymentPlan): Record<string, ComponentConfig> => {
  const { control, ports, mesos } = plan;
  const local = isLocal(plan);
  const of = (component: string) => common(plan, { component, name: component, host: control });
  const bbs = (name: string) => end(plan, 'bbs', { name, dir: '.' });
  const apiTls = local ? {} : { tls: { cert: 'tls/api.pem', key: 'tls/api.key' } };
  return {
    bbs: { ...of('bbs'), data_dir: 'data/bbs', listen: door(plan, 'bbs') },
    auctioneer: {
      ...of('auctioneer'),
      bbs: bbs('auctioneer'),
      ...(mesos !== undefined && { backends: plan.cells.length > 0 ? ['cells', 'mesos'] : ['mesos'] }),
    },
    ...(mesos !== undefined && { 'mesos-bridge': bridgeConfig(plan, mesos) }),
    router: { ...of('router'), host: control, port: ports.router },
    api: {
      ...of('api'),
      bbs: bbs('api'),
      data_dir: 'data/api',
      listen: { host: control, port: ports.api, ...apiTls },
      blob_listen: door(plan, 'blobs'),
      apps_domain: plan.domain,
      public_url: local
        ? `http://${addressText({ host: control, port: ports.api })}`
        : url(control, ports.api),
    },
  };
};

export const cellConfig = (plan: DeploymentPlan, cell: PlannedCell): ComponentConfig => {
  const { id, host, zone } = cell;
  const client = { name: id, dir: CONTROL };
  return {
    ...common(plan, { component: 'cell', name: id, host, nth: nthOf(plan, cell) }),
    cell_id: id,
    cell_index: plan.cells.indexOf(cell),
    ...(zone !== '' && { zone }),
    address: host,
    data_dir: 'data',
    memory: capacityOf(plan, cell),
    disk: capacityOf(plan, cell),
    runtime: plan.runtime,
    ...dockerKeys(plan),
    host_ports: hostPortsOf(plan, cell),
    bbs: end(plan, 'bbs', client),
    blobs: end(plan, 'blobs', client),
  };
};
