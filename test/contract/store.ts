import t from 'tap';
import type { OpenedStore, Row, RowChange, StoreEngine, StoreSchema } from '../../common/store/engine.js';

/** How the suite reaches one adapter. */
export interface StoreUnderTest {
  /** an engine on the data that `place` names; asked again for the same place, as after a restart */
  engine(place: string): StoreEngine;
  /** true when a second owner can take over while the first is alive */
  takesOver: boolean;
}

const SCHEMA: StoreSchema = { name: 'things', version: 1, tables: ['animals', 'plants'], migrations: [] };

const put = (table: string, key: string, value: unknown): RowChange => ({
  table,
  key,
  value: JSON.stringify(value),
});
const drop = (table: string, key: string): RowChange => ({ table, key, value: null });

const byTableAndKey = (a: Row, b: Row): number =>
  `${a.table}/${a.key}` < `${b.table}/${b.key}` ? -1 : Number(`${a.table}/${a.key}` > `${b.table}/${b.key}`);

const rowsOf = async (store: OpenedStore): Promise<Row[]> => {
  const rows: Row[] = [];
  for await (const page of store.rows()) rows.push(...page);
  return rows.sort(byTableAndKey);
};

const reopen = async (engine: StoreEngine, schema = SCHEMA): Promise<Row[]> => {
  const store = await engine.open(schema);
  const rows = await rowsOf(store);
  await store.close();
  return rows;
};

const commitAll = async (store: OpenedStore, ...changes: RowChange[]): Promise<void> => {
  const outcome = await store.commit({ sequence: (await store.readSequence()) + 1, changes });
  if (!outcome.ok) throw new Error(outcome.message);
};

/** The suite that every adapter of the store engine passes. */
export const storeContract = (name: string, { engine, takesOver }: StoreUnderTest): void => {
  const area = `store contract, ${name}`;

  t.test(`${area} - a new store is empty, and the epoch rises with every owner`, async (t) => {
    const first = await engine('epochs').open(SCHEMA);
    t.same(await rowsOf(first), []);
    t.equal(first.sequence, 0);
    await first.close();
    const second = await engine('epochs').open(SCHEMA);
    t.ok(second.epoch > first.epoch);
    await second.close();
  });

  t.test(`${area} - committed rows are there after reopening, changed and deleted ones too`, async (t) => {
    const store = await engine('rows').open(SCHEMA);
    await commitAll(store, put('animals', 'cat', 1), put('animals', 'dog', 2), put('plants', 'cat', 3));
    await commitAll(store, put('animals', 'cat', 4), drop('animals', 'dog'), drop('animals', 'absent'));
    await store.close();
    t.same(await reopen(engine('rows')), [put('animals', 'cat', 4), put('plants', 'cat', 3)]);
  });

  t.test(`${area} - the sequence is kept, and a commit out of turn stores nothing`, async (t) => {
    const store = await engine('sequence').open(SCHEMA);
    t.same(await store.commit({ sequence: 1, changes: [put('animals', 'cat', 1)] }), { ok: true });
    t.equal(await store.readSequence(), 1);
    const skipped = await store.commit({ sequence: 3, changes: [put('animals', 'cat', 3)] });
    t.match(skipped, { ok: false, reason: 'failed' });
    t.equal(await store.readSequence(), 1);
    t.same(await store.commit({ sequence: 2, changes: [] }), { ok: true });
    await store.close();
    const again = await engine('sequence').open(SCHEMA);
    t.equal(again.sequence, 2);
    t.same(await rowsOf(again), [put('animals', 'cat', 1)]);
    await again.close();
  });

  t.test(`${area} - a commit that cannot be stored whole is not stored at all`, async (t) => {
    const store = await engine('atomic').open(SCHEMA);
    await commitAll(store, put('animals', 'cat', 1));
    const changes = [put('animals', 'cat', 2), drop('animals', 'cat'), put('no_such_table', 'x', 1)];
    const outcome = await store.commit({ sequence: 2, changes }).catch(() => ({ ok: false }));
    t.equal(outcome.ok, false);
    t.equal(await store.readSequence(), 1);
    await commitAll(store, put('plants', 'oak', 1));
    await store.close();
    t.same(await reopen(engine('atomic')), [put('animals', 'cat', 1), put('plants', 'oak', 1)]);
  });

  t.test(`${area} - unicode, odd keys and values of 1 MB come back as they were`, async (t) => {
    const changes = [
      put('animals', '', 'empty key'),
      put('animals', 'Ünïcödé ☃ 😀', { 'ключ\n': '值\u0000\ud83d\ude00"\\' }),
      put('animals', "'; DROP TABLE animals; --", ['%', '_']),
      ...Array.from({ length: 12 }, (_, n) => put('plants', `big-${n}`, String(n % 10).repeat(1024 * 1024))),
    ].sort((a, b) => byTableAndKey(a as Row, b as Row));
    const store = await engine('unicode').open(SCHEMA);
    await commitAll(store, ...changes);
    await store.close();
    t.same(await reopen(engine('unicode')), changes);
  });

  t.test(`${area} - a commit of many rows is read back whole, across pages`, async (t) => {
    const changes = Array.from({ length: 5_000 }, (_, n) =>
      put('animals', `k${n}`, { n, text: 'x'.repeat(n % 900) }),
    );
    const store = await engine('many').open(SCHEMA);
    await commitAll(store, ...changes);
    await store.close();
    const rows = new Map((await reopen(engine('many'))).map((row) => [row.key, row.value]));
    t.equal(rows.size, 5_000);
    t.equal(changes.filter(({ key, value }) => rows.get(key) !== value).length, 0);
  });

  t.test(`${area} - reading may be broken off`, async (t) => {
    const store = await engine('many').open(SCHEMA);
    for await (const page of store.rows()) {
      t.equal(page[0]?.table, 'animals');
      break;
    }
    await commitAll(store, drop('animals', 'k0'));
    await store.close();
    t.equal((await reopen(engine('many'))).length, 4_999);
  });

  t.test(`${area} - rows of an earlier version are migrated step by step, once`, async (t) => {
    const store = await engine('migrated').open(SCHEMA);
    await commitAll(store, put('animals', 'cat', 1), put('animals', 'dog', 2), put('plants', 'oak', 3));
    await store.close();
    const step = (change: (value: number) => number) => (row: Row) => ({
      ...row,
      value: JSON.stringify(change(JSON.parse(row.value) as number)),
    });
    const newer: StoreSchema = {
      ...SCHEMA,
      version: 3,
      tables: ['animals', 'trees'],
      migrations: [
        { to: 3, migrate: (row) => (row.table === 'plants' ? { ...row, table: 'trees' } : row) },
        { to: 2, migrate: (row) => (row.key === 'dog' ? null : step((value) => value * 10)(row)) },
      ],
    };
    const expected = [put('animals', 'cat', 10), put('trees', 'oak', 30)];
    t.same(await reopen(engine('migrated'), newer), expected);
    t.same(await reopen(engine('migrated'), newer), expected, 'not migrated a second time');
    await t.rejects(engine('migrated').open(SCHEMA), { code: 'STORE_NEWER' });
    t.same(await reopen(engine('migrated'), newer), expected, 'untouched by the older version');
  });

  t.test(`${area} - a migration that throws leaves the earlier version as it was`, async (t) => {
    const store = await engine('broken').open(SCHEMA);
    await commitAll(store, put('animals', 'cat', 1), put('animals', 'dog', 2));
    await store.close();
    const migrate = (row: Row): Row => {
      if (row.key === 'dog') throw new Error('cannot');
      return { ...row, value: '"changed"' };
    };
    const broken = { ...SCHEMA, version: 2, migrations: [{ to: 2, migrate }] };
    await t.rejects(engine('broken').open(broken), { message: 'cannot' });
    await t.rejects(engine('broken').open({ ...broken, migrations: [] }), /no migration to version 2/);
    t.same(await reopen(engine('broken')), [put('animals', 'cat', 1), put('animals', 'dog', 2)]);
  });

  t.test(`${area} - a second owner shuts the first one out`, async (t) => {
    const first = await engine('owners').open(SCHEMA);
    await commitAll(first, put('animals', 'cat', 1));
    if (takesOver) {
      const second = await engine('owners').open(SCHEMA);
      const late = await first.commit({ sequence: 2, changes: [put('animals', 'cat', 2)] });
      t.match(late, { ok: false, reason: 'fenced' });
      await second.close();
    } else {
      await t.rejects(engine('owners').open(SCHEMA), { code: 'STORE_LOCKED' });
      await commitAll(first, put('animals', 'cat', 1));
    }
    await first.close();
    t.same(await reopen(engine('owners')), [put('animals', 'cat', 1)]);
  });

  t.test(`${area} - one engine holds several schemas apart`, async (t) => {
    const shared = engine('several');
    const [a, b] = await Promise.all([shared.open(SCHEMA), shared.open({ ...SCHEMA, name: 'others' })]);
    await Promise.all([commitAll(a, put('animals', 'cat', 'a')), commitAll(b, put('animals', 'cat', 'b'))]);
    await a.close();
    await commitAll(b, put('animals', 'dog', 'b'));
    await b.close();
    t.same(await reopen(shared), [put('animals', 'cat', 'a')]);
    t.same(await reopen(shared, { ...SCHEMA, name: 'others' }), [
      put('animals', 'cat', 'b'),
      put('animals', 'dog', 'b'),
    ]);
  });
};
