import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import type { GroupStore } from '../../../common/store/contract.js';
import { createMemoryEngine } from '../../../common/store/memory-engine.js';
import { ball, openBalls, putBall } from '../../support/store.js';
import type { BallTables } from '../../support/store.js';

type Balls = GroupStore<BallTables, string>;

const open = async () => {
  const engine = createMemoryEngine();
  const store = await openBalls(engine);
  const told: string[][] = [];
  store.onCommit((events) => void told.push([...events]));
  return { engine, store, told };
};

/** what a decision sees, without changing anything */
const pendingBalls = (store: Balls): string[] => {
  let seen: string[] = [];
  void store.transact((tables) => {
    seen = [...tables.balls.entries()].map(([key]) => key);
    return { value: undefined, events: [] };
  });
  return seen;
};

const committedBalls = (store: Balls): string[] => [...store.committed.balls.entries()].map(([key]) => key);

t.test('group store - decisions see pending state, reads and events only what is durable', async (t) => {
  const { engine, store, told } = await open();
  const release = engine.faults.hold();
  const first = putBall(store, ball('a'));
  t.same(pendingBalls(store), ['a']);
  t.same(committedBalls(store), []);
  t.equal(store.committed.balls.count(), 0);
  t.same([...store.committed.balls.byIndex('colour', 'red')], []);
  t.same(told, []);
  release();
  t.same(await first, { ok: true, value: 'a' });
  t.same(committedBalls(store), ['a']);
  t.same([...store.committed.balls.byIndex('colour', 'red')], [ball('a')]);
  t.same(told, [['a']]);
});

t.test('group store - a commit listener sees the committed state of its events', async (t) => {
  const { store } = await open();
  const seen: string[][] = [];
  store.onCommit(() => void seen.push(committedBalls(store)));
  await Promise.all([putBall(store, ball('a')), putBall(store, ball('b'))]);
  await putBall(store, ball('c'));
  t.same(seen, [
    ['a', 'b'],
    ['a', 'b', 'c'],
  ]);
});

t.test(
  'group store - callers of one turn share a commit, and so do those who come while it runs',
  async (t) => {
    const { engine, store, told } = await open();
    const release = engine.faults.hold();
    const early = ['a', 'b', 'c'].map((id) => putBall(store, ball(id)));
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(engine.commits(), 1);
    const late = ['d', 'e', 'f'].map((id) => putBall(store, ball(id)));
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(engine.commits(), 1, 'one batch at a time');
    release();
    await Promise.all([...early, ...late]);
    t.equal(engine.commits(), 2);
    t.same(told, [
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
  },
);

t.test('group store - a batch is bounded, and one decision is never split', async (t) => {
  const { engine, store, told } = await open();
  const large = (from: number) =>
    store.transact((tables) => {
      for (let n = from; n < from + 4_000; n += 1) tables.balls.put(`b${n}`, ball(`b${n}`));
      return { value: undefined, events: [`from ${from}`] };
    });
  await Promise.all([large(0), large(4_000), large(8_000)]);
  t.equal(engine.commits(), 3);
  t.same(told, [['from 0'], ['from 4000'], ['from 8000']]);
  t.equal(store.committed.balls.count(), 12_000);
  t.equal([...store.committed.balls.byIndex('colour', 'red')].length, 12_000);
});

t.test('group store - a decision that throws undoes its own puts and no others', async (t) => {
  const { engine, store } = await open();
  await putBall(store, ball('kept', { colour: 'blue' }));
  const release = engine.faults.hold();
  const other = putBall(store, ball('other'));
  const thrown = store.transact((tables) => {
    tables.balls.put('kept', ball('kept', { colour: 'green' }));
    tables.balls.put('kept', ball('kept', { colour: 'black' }));
    tables.balls.put('new', ball('new'));
    tables.balls.delete('other');
    throw new Error('changed my mind');
  });
  await t.rejects(thrown, { message: 'changed my mind' });
  t.same(pendingBalls(store), ['kept', 'other']);
  release();
  t.equal((await other).ok, true);
  t.same(committedBalls(store), ['kept', 'other']);
  const colours = ['blue', 'green', 'black', 'red'].map(
    (c) => [...store.committed.balls.byIndex('colour', c)].length,
  );
  t.same(colours, [1, 0, 0, 1]);
});

t.test('group store - a failed commit rolls back what was decided on top, and work goes on', async (t) => {
  const { engine, store, told } = await open();
  await putBall(store, ball('a', { n: 1 }));
  engine.faults.failCommits(1, 'disk full');
  const release = engine.faults.hold();
  const failing = putBall(store, ball('a', { n: 2 }));
  await new Promise((resolve) => setImmediate(resolve));
  const onTop = store.transact((tables) => {
    const seen = tables.balls.get('a');
    tables.balls.put('b', ball('b', { n: seen?.n ?? 0 }));
    tables.balls.delete('a');
    return { value: seen?.n, events: ['b'] };
  });
  release();
  t.same(await failing, { ok: false, error: { code: 'STORE_FAILED', message: 'disk full' } });
  t.same(await onTop, { ok: false, error: { code: 'STORE_FAILED', message: 'disk full' } });
  t.same(pendingBalls(store), ['a']);
  t.equal(store.committed.balls.get('a')?.n, 1);
  t.same(await putBall(store, ball('c')), { ok: true, value: 'c' });
  t.same(told, [['a'], ['c']]);
});

t.test('group store - an unknown outcome is read back', async (t) => {
  const { engine, store, told } = await open();
  engine.faults.unknownCommit(true);
  engine.faults.failReads(2);
  t.same(await putBall(store, ball('stored')), { ok: true, value: 'stored' });
  engine.faults.unknownCommit(false);
  t.match(await putBall(store, ball('lost')), { ok: false, error: { code: 'STORE_FAILED' } });
  t.same(await putBall(store, ball('after')), { ok: true, value: 'after' });
  t.same(committedBalls(store), ['stored', 'after']);
  t.same(told, [['stored'], ['after']]);
});

t.test('group store - an outcome that stays unknown makes the owner step down', async (t) => {
  const { engine, store, told } = await open();
  const reasons: string[] = [];
  store.onLost((reason) => void reasons.push(reason));
  engine.faults.unknownCommit(true);
  engine.faults.failReads(1_000);
  const release = engine.faults.hold();
  const unclear = putBall(store, ball('a'));
  await new Promise((resolve) => setImmediate(resolve));
  const onTop = putBall(store, ball('b'));
  release();
  t.match(await unclear, { ok: false, error: { code: 'STORE_CLOSED' } });
  t.match(await onTop, { ok: false, error: { code: 'STORE_CLOSED' } });
  t.match(await putBall(store, ball('c')), { ok: false, error: { code: 'STORE_CLOSED' } });
  t.equal(reasons.length, 1);
  t.same(committedBalls(store), []);
  t.same(told, []);
  await store.close();
});

t.test('group store - an owner that was fenced steps down, also for whoever asks later', async (t) => {
  const { engine, store } = await open();
  engine.faults.fence('balls');
  t.match(await putBall(store, ball('a')), { ok: false, error: { code: 'STORE_CLOSED' } });
  const reasons: string[] = [];
  store.onLost((reason) => void reasons.push(reason));
  t.match(reasons, [/took over/]);
  let ran = false;
  const refused = store.transact(() => {
    ran = true;
    return { value: 0, events: [] };
  });
  t.match(await refused, { ok: false, error: { code: 'STORE_CLOSED' } });
  t.notOk(ran);
});

t.test('group store - a decision that only reads waits for what it read, and shares its fate', async (t) => {
  const { engine, store } = await open();
  const read = () => store.transact((tables) => ({ value: tables.balls.count(), events: [] }));
  t.same(await read(), { ok: true, value: 0 });
  t.equal(engine.commits(), 0, 'nothing to make durable');

  let answered = false;
  let release = engine.faults.hold();
  const write = putBall(store, ball('a'));
  const reading = read().then((result) => {
    answered = true;
    return result;
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(answered);
  release();
  t.same(await reading, { ok: true, value: 1 });
  await write;

  release = engine.faults.hold();
  engine.faults.failCommits(1);
  const failing = putBall(store, ball('b'));
  await new Promise((resolve) => setImmediate(resolve));
  const misled = read();
  release();
  t.equal((await failing).ok, false);
  t.match(await misled, { ok: false, error: { code: 'STORE_FAILED' } });
  t.same(await read(), { ok: true, value: 1 });
});

t.test('group store - a key may be deleted and put again while its first row is on its way', async (t) => {
  const { engine, store } = await open();
  const release = engine.faults.hold();
  const first = putBall(store, ball('a', { colour: 'red' }));
  await new Promise((resolve) => setImmediate(resolve));
  const second = store.transact((tables) => {
    tables.balls.delete('a');
    return { value: undefined, events: [] };
  });
  const third = putBall(store, ball('a', { colour: 'blue' }));
  release();
  await Promise.all([first, second, third]);
  t.same(committedBalls(store), ['a']);
  t.same([...store.committed.balls.byIndex('colour', 'red')], []);
  t.same([...store.committed.balls.byIndex('colour', 'blue')], [ball('a', { colour: 'blue' })]);
  t.same([store.committed.balls.count(), pendingBalls(store).length], [1, 1]);
});

t.test('group store - close makes durable what was decided, then refuses', async (t) => {
  const { engine, store } = await open();
  const release = engine.faults.hold();
  const decided = [putBall(store, ball('a'))];
  await new Promise((resolve) => setImmediate(resolve));
  decided.push(putBall(store, ball('b')));
  const closing = store.close();
  t.match(await putBall(store, ball('c')), { ok: false, error: { code: 'STORE_CLOSED' } });
  release();
  t.same(
    (await Promise.all(decided)).map((result) => result.ok),
    [true, true],
  );
  await closing;
  await store.close();
  const again = await openBalls(engine);
  t.same(committedBalls(again), ['a', 'b']);
  t.ok(again.epoch > store.epoch);
});

t.test('group store - what a hook before the commit refuses is not stored', async (t) => {
  const engine = createMemoryEngine();
  let lapsed = true;
  const store = await openBalls(engine, {
    beforeCommit() {
      if (lapsed) throw new Error('lease has lapsed');
    },
  });
  const refused = { ok: false, error: { code: 'STORE_FAILED', message: 'lease has lapsed' } };
  t.same(await putBall(store, ball('a')), refused);
  t.equal(engine.commits(), 0);
  lapsed = false;
  t.same(await putBall(store, ball('b')), { ok: true, value: 'b' });
  t.same(committedBalls(store), ['b']);
});

t.test('group store - a listener that throws is logged and disturbs nobody', async (t) => {
  const logger = createCaptureLogger();
  const store = await openBalls(createMemoryEngine(), { logger });
  const told: string[] = [];
  store.onCommit(() => {
    throw new Error('oops');
  });
  store.onCommit((events) => void told.push(...events));
  t.same(await putBall(store, ball('a')), { ok: true, value: 'a' });
  t.same(told, ['a']);
  t.equal(logger.named('store.listener-failed').length, 1);
});

t.test(
  'group store - misuse is told: keys that would not come back, nesting, writing afterwards',
  async (t) => {
    const { engine, store } = await open();
    for (const key of ['a\u0000b', '\ud800']) {
      await t.rejects(putBall(store, ball(key)), /cannot hold the key/);
    }
    await t.rejects(
      store.transact((tables) => {
        tables.balls.byIndex('weight', '1');
        return { value: 0, events: [] };
      }),
      /no index weight/,
    );
    let inner: Promise<unknown> | undefined;
    const outer = store.transact((tables) => {
      inner = t.rejects(putBall(store, ball('inner')), /within a transaction/);
      tables.balls.put('outer', ball('outer'));
      return { value: tables, events: [] };
    });
    await inner;
    const result = await outer;
    t.same(committedBalls(store), ['outer']);
    t.throws(() => result.ok && result.value.balls.put('late', ball('late')), /outside a transaction/);
    t.equal(engine.commits(), 1);
  },
);

t.test('group store - an index with hundreds of rows of one value follows every change', async (t) => {
  const engine = createMemoryEngine();
  const first = await openBalls(engine);
  const ids = Array.from({ length: 300 }, (_, n) => `b${n}`);
  await Promise.all(ids.map((id) => putBall(first, ball(id))));
  await first.close();

  const store = await openBalls(engine);
  const red = (): string[] => [...store.committed.balls.byIndex('colour', 'red')].map(({ id }) => id).sort();
  t.same(red(), [...ids].sort());
  t.same([...store.committed.balls.indexed('colour')], ['red']);
  t.same([...store.committed.balls.keys()].sort(), [...ids].sort());
  for (const id of ids.slice(0, 290)) await putBall(store, ball(id, { colour: 'blue' }));
  t.same(red(), ids.slice(290).sort());
  await Promise.all(ids.map((id) => putBall(store, ball(id, { colour: 'blue' }))));
  t.same(red(), []);
  t.same([...store.committed.balls.indexed('colour')], ['blue']);
  await Promise.all(ids.map((id) => putBall(store, ball(id))));
  t.same(red(), [...ids].sort());
});

/** A store whose file holds this text for one ball. */
const withText = async (key: string, value: string) => {
  const engine = createMemoryEngine();
  const raw = await engine.open({ name: 'balls', version: 1, tables: ['balls', 'boxes'], migrations: [] });
  await raw.commit({ sequence: 1, changes: [{ table: 'balls', key, value }] });
  await raw.close();
  return engine;
};

t.test('group store - a row that cannot be decoded is reported, and the store given free', async (t) => {
  const engine = await withText('bad', '{"id":');
  await t.rejects(openBalls(engine), { code: 'STORE_CORRUPT', message: /row bad of balls/ });
});

t.test('group store - one that is found to be damaged late makes the owner step down', async (t) => {
  const store = await openBalls(await withText('bad', '["red",null]\n{"id":'));
  const lost: string[] = [];
  store.onLost((reason) => void lost.push(reason));
  t.equal(store.committed.balls.count(), 1);
  t.throws(() => store.committed.balls.get('bad'), { code: 'STORE_CORRUPT', message: /row bad of balls/ });
  t.throws(() => [...store.committed.balls.byIndex('colour', 'red')], { code: 'STORE_CORRUPT' });
  t.equal(lost.length, 1);
  t.match(lost, [/row bad of balls/]);
  t.match(await putBall(store, ball('next')), { ok: false, error: { code: 'STORE_CLOSED' } });
  await store.close();
});

t.test('group store - rows of before something was stored beside them are read as well', async (t) => {
  const old = ball('old', { colour: 'green', owner: 'ann' });
  for (const text of [JSON.stringify(old), `["green"]\n${JSON.stringify(old)}`]) {
    const store = await openBalls(await withText('old', text));
    t.same([...store.committed.balls.byIndex('owner', 'ann')], [old]);
    t.same([...store.committed.balls.byIndex('colour', 'green')], [old]);
    await store.close();
  }
});

t.test('group store - a list is of one moment, whatever of it had been decoded', async (t) => {
  const engine = createMemoryEngine();
  const first = await openBalls(engine);
  for (const id of ['a', 'b', 'c', 'd']) await putBall(first, ball(id));
  await first.close();
  const store = await openBalls(engine);
  const lists = [store.committed.balls.list(), store.committed.balls.list({ index: 'colour', value: 'red' })];
  store.committed.balls.get('d');
  await putBall(store, ball('b', { colour: 'green' }));
  await store.transact((tables) => ({ value: tables.balls.delete('c'), events: [] }));
  await putBall(store, ball('e'));
  for (const list of lists) {
    t.equal(list.length, 4);
    t.same(list.slice(1, 9), [ball('b'), ball('c'), ball('d')]);
    t.same(list.slice(0, 1), [ball('a')]);
  }
  t.same(
    store.committed.balls
      .list()
      .slice(0, 9)
      .map(({ id }) => id),
    ['a', 'b', 'd', 'e'],
  );
  await store.close();
});
