import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { API_SCHEMA } from '../../../api/store/schema.js';
import type { Row, StoreSchema } from '../../../common/store/engine.js';
import { createSqliteEngine } from '../../../common/store/sqlite-engine.js';

/** What version 1 wrote, field by field as far as later versions add to it. */
const WRITTEN: Record<string, object> = {
  organizations: { guid: 'o', name: 'default' },
  apps: { guid: 'a', name: 'web', state: 'STARTED', stack: 'cflinuxfs4', buildpacks: ['x'] },
  processes: { guid: 'a', appGuid: 'a', type: 'web' },
  packages: { guid: 'p', appGuid: 'a', state: 'READY', blob: 'ab', sizeBytes: 3 },
  builds: { guid: 'b', appGuid: 'a', packageGuid: 'p', state: 'STAGED', dropletGuid: 'd' },
  droplets: { guid: 'd', appGuid: 'a', packageGuid: 'p', blob: 'ab', processTypes: { web: 'x' } },
  routes: { guid: 'r', host: 'web', destinations: [{ guid: 'x', appGuid: 'a', port: 8080 }] },
};

const FIRST: StoreSchema = { ...API_SCHEMA, version: 1, migrations: [] };

const read = async (dir: string, schema: StoreSchema): Promise<Record<string, object>> => {
  const store = await createSqliteEngine({ dir }).open(schema);
  const rows: Row[] = [];
  for await (const page of store.rows()) rows.push(...page);
  await store.close();
  return Object.fromEntries(rows.map(({ table, value }) => [table, JSON.parse(value) as object]));
};

t.test('migration - rows of before there were images say that they are none', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-migration-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const store = await createSqliteEngine({ dir }).open(FIRST);
  const changes = Object.entries(WRITTEN).map(([table, row]) => ({
    table,
    key: (row as { guid: string }).guid,
    value: JSON.stringify(row),
  }));
  t.match(await store.commit({ sequence: store.sequence + 1, changes }), { ok: true });
  await store.close();

  const expected = {
    ...WRITTEN,
    apps: { ...WRITTEN['apps'], lifecycle: 'buildpack' },
    packages: { ...WRITTEN['packages'], type: 'bits', image: '' },
    builds: { ...WRITTEN['builds'], lifecycle: 'buildpack' },
    droplets: { ...WRITTEN['droplets'], image: null },
  };
  t.same(await read(dir, API_SCHEMA), expected);
  t.same(await read(dir, API_SCHEMA), expected, 'once');
  await t.rejects(read(dir, FIRST), { code: 'STORE_NEWER' });
});
