import type { TableSpec } from '../../common/store/contract.js';
import type { Migration, StoreSchema } from '../../common/store/engine.js';
import type { ApiRows } from '../core/rows.js';
import { indexKey } from '../core/rows.js';

/** What rows lack that were written before there were images. */
const BEFORE_IMAGES: Readonly<Record<string, object>> = {
  apps: { lifecycle: 'buildpack' },
  packages: { type: 'bits', image: '' },
  builds: { lifecycle: 'buildpack' },
  droplets: { image: null },
};

const toImages: Migration = {
  to: 2,
  migrate(row) {
    const missing = BEFORE_IMAGES[row.table];
    if (missing === undefined) return row;
    return { ...row, value: JSON.stringify({ ...missing, ...(JSON.parse(row.value) as object) }) };
  },
};

/** What the API keeps. A change of a row's shape is a new version with a migration. */
export const API_SCHEMA: StoreSchema = {
  name: 'api',
  version: 3,
  tables: [
    'organizations',
    'spaces',
    'domains',
    'apps',
    'processes',
    'packages',
    'builds',
    'droplets',
    'routes',
    'tasks',
    'jobs',
  ],
  // 3: tables lie in another order
  migrations: [toImages, { to: 3, migrate: (row) => row }],
};

type Indexes<T> = TableSpec<T>['indexes'];

const rows = <T>(indexes: Indexes<T> = {}): TableSpec<T> => ({
  encode: (row) => JSON.stringify(row),
  decode: (text) => JSON.parse(text) as T,
  indexes,
});

const ofApp = <T extends { appGuid: string }>(): TableSpec<T> => rows<T>({ app: (row) => row.appGuid });

export const API_TABLES: { [K in keyof ApiRows]: TableSpec<ApiRows[K]> } = {
  organizations: rows(),
  spaces: rows(),
  domains: rows(),
  apps: rows({ name: (app) => indexKey.appName(app.spaceGuid, app.name) }),
  processes: ofApp(),
  packages: ofApp(),
  builds: ofApp(),
  droplets: ofApp(),
  routes: rows({ url: (route) => indexKey.routeUrl(route) }),
  tasks: ofApp(),
  jobs: rows(),
};
