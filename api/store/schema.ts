import type { TableSpec } from '../../common/store/contract.js';
import type { StoreSchema } from '../../common/store/engine.js';
import type { ApiRows } from '../core/rows.js';
import { indexKey } from '../core/rows.js';

/** Version 1 of what the API keeps. A change of a row's shape is a new version with a migration. */
export const API_SCHEMA: StoreSchema = {
  name: 'api',
  version: 1,
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
  migrations: [],
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
