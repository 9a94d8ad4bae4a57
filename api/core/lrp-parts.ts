import type { Action, EnvironmentVariable, RunAction } from '../../common/model/action.js';
import type { MetricTagValue, SecurityGroupRule } from '../../common/model/lrp.js';
import { imageCommand } from './droplet-image.js';
import { routesOf, routeUrl } from './routes.js';
import type { ApiSettings, AppRow, DropletRow, ReadTables } from './rows.js';

/** What LRPs and tasks of an app have in common. Facts are Cloud Controller's recipe builders'. */

export const APPS_DOMAIN = 'cf-apps';
export const TASKS_DOMAIN = 'cf-tasks';

/** Where the application lies, below the container's home; commands run there. */
export const APP_DIR = 'app';
const USER = 'vcap';
/** Open files a process may have. */
const FILES = 16_384;

export interface Owner {
  app: AppRow;
  droplet: DropletRow;
  processType: string;
  processGuid: string;
  /** part of the VCAP_APPLICATION that identifies this start */
  version: string;
  memoryMb: number;
  diskMb: number;
}

/** Cloud Controller's shares: proportional to memory, between 128 MB and 8 GB. */
export const cpuWeight = (memoryMb: number): number =>
  Math.floor((Math.min(Math.max(memoryMb, 128), 8192) * 100) / 8192);

/** The droplet comes from the API's own door for cells, checked against its sum. */
export const downloadDroplet = (droplet: DropletRow, settings: ApiSettings): Action => ({
  download: {
    artifact: 'droplet',
    from: `${settings.blobUrl}/droplets/${droplet.guid}`,
    to: APP_DIR,
    cacheKey: `droplets-${droplet.blob}`,
    logSource: 'CELL',
    user: USER,
    checksumAlgorithm: 'sha256',
    checksumValue: droplet.blob,
  },
});

const placeNames = (tables: ReadTables, app: AppRow) => {
  const space = tables.spaces.get(app.spaceGuid);
  const organization = tables.organizations.get(space?.organizationGuid ?? '');
  return {
    organization_id: organization?.guid ?? '',
    organization_name: organization?.name ?? '',
    space_id: app.spaceGuid,
    space_name: space?.name ?? '',
  };
};

export const vcapApplication = (tables: ReadTables, settings: ApiSettings, owner: Owner): object => {
  const uris = routesOf(tables, owner.app.guid).map((route) => routeUrl(tables, route));
  return {
    application_id: owner.app.guid,
    application_name: owner.app.name,
    application_uris: uris,
    application_version: owner.version,
    cf_api: settings.publicUrl,
    limits: { fds: FILES, mem: owner.memoryMb, disk: owner.diskMb },
    name: owner.app.name,
    ...placeNames(tables, owner.app),
    process_id: owner.processGuid,
    process_type: owner.processType,
    uris,
    users: null,
    version: owner.version,
  };
};

/** The platform's variables after the user's own, which may not replace them. An image has a language of its own. */
export const environment = (
  tables: ReadTables,
  settings: ApiSettings,
  owner: Owner,
): EnvironmentVariable[] => {
  const platform: Record<string, string> = {
    VCAP_APPLICATION: JSON.stringify(vcapApplication(tables, settings, owner)),
    VCAP_SERVICES: '{}',
    MEMORY_LIMIT: `${owner.memoryMb}m`,
  };
  const language = owner.droplet.image === null ? { LANG: 'en_US.UTF-8' } : {};
  const variables = { ...language, ...owner.app.env, ...platform };
  return Object.entries(variables).map(([name, value]) => ({ name, value }));
};

/** Where a droplet's commands run, and as whom: in an image as it says. */
const placeOf = ({ image }: DropletRow): { dir: string; user: string } => {
  if (image === null) return { dir: APP_DIR, user: USER };
  const { workingDir, user } = image;
  return { dir: workingDir.startsWith('/') ? workingDir : `/${workingDir}`, user: user || 'root' };
};

export const runAction = (
  droplet: DropletRow,
  run: {
    /** for a shell; absent = what the image runs by itself */
    command: string | undefined;
    env: EnvironmentVariable[];
    logSource: string;
  },
): RunAction => {
  const own = droplet.image === null ? [] : imageCommand(droplet.image);
  const [path = '', ...args] = run.command === undefined ? own : ['/bin/sh', '-c', run.command];
  return {
    path,
    args,
    ...placeOf(droplet),
    env: run.env,
    resourceLimits: { nofile: FILES },
    logSource: run.logSource,
    suppressLogOutput: false,
    volumeMountedFiles: [],
  };
};

const fixed = (value: string): MetricTagValue => ({ static: value, dynamic: 'DynamicValueInvalid' });

export const metricTags = (tables: ReadTables, owner: Owner): Record<string, MetricTagValue> => ({
  source_id: fixed(owner.app.guid),
  app_id: fixed(owner.app.guid),
  app_name: fixed(owner.app.name),
  process_id: fixed(owner.processGuid),
  process_type: fixed(owner.processType),
  process_instance_id: { static: '', dynamic: 'INSTANCE_GUID' },
  instance_id: { static: '', dynamic: 'INDEX' },
  ...Object.fromEntries(
    Object.entries(placeNames(tables, owner.app)).map(([name, value]) => [name, fixed(value)]),
  ),
});

/** Everything may be reached: there are no security groups yet. */
export const OPEN_EGRESS: readonly SecurityGroupRule[] = [
  { protocol: 'all', destinations: ['0.0.0.0/0'], ports: [], log: false, annotations: [] },
];

export const identity = (tables: ReadTables, owner: Owner): { organizationalUnit: string[] } => {
  const { organization_id: organization, space_id: space } = placeNames(tables, owner.app);
  return { organizationalUnit: [`organization:${organization}`, `space:${space}`, `app:${owner.app.guid}`] };
};

/** What both have, given away whole so that neither forgets a field. */
export const commonFields = (tables: ReadTables, settings: ApiSettings, owner: Owner) => ({
  rootfs: owner.droplet.image?.rootfs ?? `preloaded:${owner.droplet.stack}`,
  diskMb: owner.diskMb,
  memoryMb: owner.memoryMb,
  cpuWeight: cpuWeight(owner.memoryMb),
  privileged: false,
  logGuid: owner.app.guid,
  metricsGuid: owner.app.guid,
  egressRules: [...OPEN_EGRESS],
  cachedDependencies: [],
  legacyDownloadUser: placeOf(owner.droplet).user,
  trustedSystemCertificatesPath: '',
  volumeMounts: [],
  placementTags: [],
  maxPids: settings.maxPids,
  certificateProperties: identity(tables, owner),
  imageUsername: '',
  imagePassword: '',
  imageLayers: [],
  metricTags: metricTags(tables, owner),
  volumeMountedFiles: [],
});
