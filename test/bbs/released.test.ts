/**
 * Every version's file is read by this one. A new version of a schema is kept with
 * `UPDATE_STORES=1 npm test -- bbs/released`, and its file goes into test/fixtures/store.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Database from 'libsql';
import t from 'tap';
import type { Test } from 'tap';
import { API_SCHEMA } from '../../api/store/schema.js';
import { BBS_SCHEMA } from '../../bbs/store/schema.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { StoreSchema } from '../../common/store/engine.js';
import { openFile } from '../support/bbs-kill.js';
import { createBbsProcess } from '../support/bbs-process.js';
import {
  isKept,
  keepReleased,
  releasedVersions,
  restoreReleased,
  rowsIn,
} from '../support/released-stores.js';

const newDir = (t: Test): string => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-released-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

/** A row without what is only there to find it. */
const bare = (text: string): unknown => JSON.parse(text.slice(text.indexOf('\n') + 1));

const writtenBy = (dir: string, name: string): Map<string, string> => {
  const db = new Database(join(dir, `${name}.db`));
  const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all() as {
    name: string;
  }[];
  const rows = tables
    .filter((table) => !/^(store_|sqlite_|libsql_)/.test(table.name))
    .flatMap((table) =>
      (db.prepare(`SELECT key, value FROM ${table.name}`).all() as { key: string; value: string }[]).map(
        ({ key, value }) => [`${table.name} ${key}`, value] as const,
      ),
    );
  db.close();
  return new Map(rows);
};

/** Keeps what the version before has left, as this one writes it, with something of what is new. */
const keepPresent = async (t: Test, schema: StoreSchema): Promise<void> => {
  const dir = newDir(t);
  restoreReleased(dir, schema.name, schema.version - 1);
  await rowsIn(dir, schema);
  if (schema === BBS_SCHEMA) {
    const store = await openFile(dir);
    const note = { at: 1, guid: 'app', index: 0, more: 0, count: 0, reason: '' };
    const noted = [{ ...note, what: 'running' as const, instanceGuid: 'one', cellId: 'cell-1' }];
    await store.transact((tables) => {
      tables.kv.put('noted', { key: 'noted', value: '', version: 1 });
      return { value: undefined, events: [{ noted }] };
    });
    await store.close();
  }
  keepReleased(dir, schema);
};

for (const schema of [BBS_SCHEMA, API_SCHEMA]) {
  const { name, version } = schema;

  t.test(`released stores - what every version of ${name} wrote is read by this one`, async (t) => {
    if (process.env['UPDATE_STORES'] && !isKept(schema)) await keepPresent(t, schema);
    t.ok(isKept(schema), `the file of version ${version} is kept: UPDATE_STORES=1 writes it`);
    const versions = releasedVersions(schema);
    t.ok(versions.length > 1);
    for (const released of versions) {
      const dir = newDir(t);
      restoreReleased(dir, name, released);
      const before = writtenBy(dir, name);
      const after = await rowsIn(dir, schema);
      t.ok(before.size > 3);
      for (const [place, text] of before) t.match(bare(after.get(place) ?? '{}'), bare(text), place);
      t.equal(after.size, before.size, `of version ${released}`);
      t.same(await rowsIn(dir, schema), after, 'and by the next start as well');
      await t.rejects(rowsIn(dir, { ...schema, version: version - 1 }), { code: 'STORE_NEWER' });
      t.same(await rowsIn(dir, schema), after, 'an older version has touched nothing');
    }
  });
}

t.test('released stores - the board is the same, rows are found by all that they are found by', async (t) => {
  for (const released of releasedVersions(BBS_SCHEMA)) {
    const dir = newDir(t);
    restoreReleased(dir, 'bbs', released);
    const { committed, close } = await openFile(dir);
    const found = (index: string, value: string): string[] =>
      [...committed.actual_lrps.byIndex(index, value)].map((row) => `${row.index} ${row.presence}`).sort();
    t.same(found('cell', 'cell-1'), ['0 ORDINARY'], `of version ${released}`);
    t.same(found('process', 'app'), ['0 ORDINARY', '0 SUSPECT', '1 ORDINARY', '2 ORDINARY']);
    t.same(found('unplaced', 'waiting'), ['1 ORDINARY']);
    t.match(committed.desired_lrps.get('app'), { instances: 3, modificationTag: { epoch: 'd-1', index: 2 } });
    t.match(committed.leases.get('cell/cell-1'), { owner: 'rep', epoch: 4 });
    await close();
  }
});

t.test('released stores - a newer version is refused by the command, with code and file', async (t) => {
  const bbs = createBbsProcess();
  t.teardown(bbs.close);
  // what this process has opened it may keep in use for a while after closing it
  const aside = t.testdir();
  restoreReleased(aside, 'bbs', BBS_SCHEMA.version);
  const db = new Database(join(aside, basename(bbs.file)));
  db.exec('UPDATE store_owner SET version = 99');
  db.close();
  cpSync(aside, join(bbs.dataDir, 'db'), { recursive: true });
  const args = ['cli/bin/outcry.mjs', 'bbs', '--config', bbs.configFile];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(
    stderr,
    /^outcry: STORE_NEWER: the data file \S+bbs\.db was written by a newer version \(schema 99, /,
  );
});

/** Many rows of the first version, so that there is time to be killed in. */
const MANY = 4_000;

t.test(
  'released stores - killed while it migrates: the earlier version is there whole, or the new',
  async (t) => {
    const bbs = createBbsProcess();
    t.teardown(bbs.close);
    // this process opens copies only, as above
    const aside = t.testdir();
    const dir = join(bbs.dataDir, 'db');
    restoreReleased(join(aside, 'first'), 'bbs', 1);
    const db = new Database(join(aside, 'first', basename(bbs.file)));
    const [[value]] = db.prepare('SELECT value FROM actual_lrps').raw().all() as [[string]];
    const put = db.prepare('INSERT INTO actual_lrps VALUES (?, ?)');
    db.exec('BEGIN');
    for (let n = 0; n < MANY; n += 1)
      put.run(`many/${n}/ORDINARY`, value.replace('"app"', '"many"').replace('"index":0', `"index":${n}`));
    db.exec('COMMIT');
    db.close();
    cpSync(join(aside, 'first'), dir, { recursive: true });

    const random = createSystemRandom();
    const seen = new Set<number>();
    for (let round = 0; round < 12 && !seen.has(BBS_SCHEMA.version); round += 1) {
      bbs.spawn();
      await new Promise((resolve) => setTimeout(resolve, 400 + random.fraction() * 800));
      await bbs.kill();
      cpSync(dir, join(aside, `${round}`), { recursive: true });
      const left = new Database(join(aside, `${round}`, basename(bbs.file)));
      const [owner] = left.prepare('SELECT version FROM store_owner').all() as { version: number }[];
      const [rows] = left.prepare('SELECT count(*) AS count FROM actual_lrps').all() as { count: number }[];
      left.close();
      const [version, count] = [owner!.version, rows!.count];
      seen.add(version);
      t.equal(count, MANY + 4, `version ${version}`);
      t.ok(version === 1 || version === BBS_SCHEMA.version);
    }
    await bbs.start();
    const read = await bbs.client().actualLrps({ processGuid: 'many' });
    t.equal(read.ok && read.value.length, MANY);
  },
);
