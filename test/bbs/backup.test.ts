import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { Test } from 'tap';
import { boardOfSystem, dumpBoard, restoreBoard } from '../../bbs/backup.js';
import type { BoardPlace } from '../../bbs/backup.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { actual, desiredLrp, must, task } from '../support/bbs.js';
import { openFile } from '../support/bbs-kill.js';
import { createBbsProcess } from '../support/bbs-process.js';
import type { BbsProcess } from '../support/bbs-process.js';
import { releasedVersions, restoreReleased } from '../support/released-stores.js';
import { BBS_SCHEMA } from '../../bbs/store/schema.js';
import { createFakeCli } from '../support/cli-context.js';

const newPlace = (t: Test): BoardPlace => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-backup-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return boardOfSystem(dir);
};

const dbOf = ({ dataDir }: BoardPlace): string => join(dataDir, 'db');

const dumped = async (place: BoardPlace): Promise<string> => {
  let text = '';
  await dumpBoard(place, async (lines) => void (text += lines));
  return text;
};

const linesOf = async function* (text: string): AsyncGenerator<string> {
  yield* text.trimEnd().split('\n');
};

const restored = (place: BoardPlace, text: string, force = false): Promise<number> =>
  restoreBoard(place, { path: 'dump.jsonl', lines: linesOf(text), force });

/** Without what may differ from one dump of the same board to another. */
const rowsOf = (text: string): string[] => text.trimEnd().split('\n').slice(1).sort();

const fill = async (
  place: BoardPlace,
  rows: (store: Awaited<ReturnType<typeof openFile>>) => Promise<unknown>,
) => {
  mkdirSync(place.dataDir, { recursive: true });
  const store = await openFile(dbOf(place));
  await rows(store);
  await store.close();
};

const some = (place: BoardPlace): Promise<void> =>
  fill(place, (store) =>
    store.transact((tables) => {
      tables.desired_lrps.put('app', desiredLrp({ annotation: 'Ünïcödé ☃ 😀\n"\\' }));
      tables.actual_lrps.put('app/0/ORDINARY', actual());
      tables.tasks.put('task', task());
      tables.kv.put('k', { key: 'k', value: 'x'.repeat(200_000), version: 3 });
      const note = { at: 1, guid: 'app', index: 0, more: 0, count: 0, reason: '' };
      const noted = [{ ...note, what: 'running' as const, instanceGuid: 'one', cellId: 'cell-1' }];
      return { value: undefined, events: [{ noted }] };
    }),
  );

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const name = text.filter((value) => value !== '' && !/[\0\p{Cs}]/u.test(value));
const wholes = fc.dictionary(name, text, { maxKeys: 4 });
const boards = fc.record({
  lrps: fc.uniqueArray(
    fc.record({ processGuid: name, annotation: text, routes: wholes, instances: fc.nat() }),
    {
      selector: ({ processGuid }) => processGuid,
      maxLength: 6,
    },
  ),
  rows: fc.uniqueArray(
    fc.record({
      processGuid: name,
      index: fc.nat({ max: 9 }),
      since: fc.double({ noNaN: true, min: 0, max: 2e18 }),
      metricTags: wholes,
    }),
    { selector: ({ processGuid, index }) => `${processGuid}/${index}`, maxLength: 6 },
  ),
  tasks: fc.uniqueArray(fc.record({ taskGuid: name, result: text }), {
    selector: ({ taskGuid }) => taskGuid,
    maxLength: 6,
  }),
  kv: fc.uniqueArray(fc.record({ key: name, value: text, version: fc.nat() }), {
    selector: ({ key }) => key,
    maxLength: 6,
  }),
});

t.test('backup - whatever a board holds, what is restored is the same', async (t) => {
  await fc.assert(
    fc.asyncProperty(boards, async (board) => {
      const [from, to] = [newPlace(t), newPlace(t)];
      await fill(from, (store) =>
        store.transact((tables) => {
          for (const lrp of board.lrps) tables.desired_lrps.put(lrp.processGuid, desiredLrp(lrp));
          for (const row of board.rows)
            tables.actual_lrps.put(`${row.processGuid}/${row.index}/ORDINARY`, actual(row));
          for (const one of board.tasks) tables.tasks.put(one.taskGuid, task(one));
          for (const entry of board.kv) tables.kv.put(entry.key, entry);
          return { value: undefined, events: [] };
        }),
      );
      const dump = await dumped(from);
      const count = await restored(to, dump);
      const again = await dumped(to);
      t.ok(count === rowsOf(dump).length - 1);
      return JSON.stringify(rowsOf(again)) === JSON.stringify(rowsOf(dump));
    }),
    { numRuns: 25 },
  );
});

t.test(
  'backup - what every version has left is dumped at its own, and restored at the present one',
  async (t) => {
    for (const version of releasedVersions(BBS_SCHEMA)) {
      const [from, to] = [newPlace(t), newPlace(t)];
      restoreReleased(dbOf(from), 'bbs', version);
      const dump = await dumped(from);
      t.match(JSON.parse(dump.split('\n')[0] ?? ''), { version });
      t.match(
        JSON.parse((await dumped(from)).split('\n')[0] ?? ''),
        { version },
        'which is not migrated by it',
      );
      await restored(to, dump);
      const after = await dumped(to);
      t.match(JSON.parse(after.split('\n')[0] ?? ''), { version: BBS_SCHEMA.version });
      t.same(rowsOf(after), rowsOf(dump));
      const store = await openFile(dbOf(to));
      t.ok(store.epoch > 1, 'a later epoch than the board had that was dumped');
      t.equal([...store.committed.actual_lrps.byIndex('cell', 'cell-1')].length, 1);
      await store.close();
    }
  },
);

const broken = async (
  t: Test,
  change: (lines: string[]) => string[],
): Promise<{ code: string; message: string }> => {
  const [from, to] = [newPlace(t), newPlace(t)];
  await some(from);
  const lines = (await dumped(from)).trimEnd().split('\n');
  try {
    await restored(to, change(lines).join('\n'));
  } catch (error) {
    t.notOk(existsSync(join(dbOf(to), 'bbs.db')), 'nothing was changed');
    t.notOk(existsSync(join(dbOf(to), 'restoring')), 'and nothing is left');
    return error as { code: string; message: string };
  }
  throw new Error('it was restored');
};

const at = (lines: string[], table: string): number =>
  lines.findIndex((line) => line.includes(`"table":"${table}"`));

t.test('backup - what is wrong in a dump is told with its line', async (t) => {
  const cases: [change: (lines: string[]) => string[], message: RegExp][] = [
    [() => [], /^dump\.jsonl:1: this line is not JSON/],
    [(lines) => lines.slice(1), /^dump\.jsonl:1: this line does not begin a dump/],
    [
      (lines) => lines.slice(0, -1),
      /^dump\.jsonl:6: this line is the last, and the end is missing: the file has been cut off/,
    ],
    [(lines) => lines.slice(0, 3), /^dump\.jsonl:3: .* cut off/],
    [
      (lines) => [...lines.slice(0, -2), lines.at(-1)!],
      /^dump\.jsonl:6: this line 4 rows come before it, and it says 5/,
    ],
    [(lines) => lines.with(2, lines[2]!.slice(0, 60)), /^dump\.jsonl:3: this line is not JSON: /],
    [(lines) => lines.with(1, '[1]'), /^dump\.jsonl:2: this line is no JSON object/],
    [
      (lines) => lines.with(1, '{"table":"x","key":"y","row":{}}'),
      /^dump\.jsonl:2: this line there is no table x|is left in x/,
    ],
    [(lines) => lines.with(1, '{"table":"kv","row":{}}'), /^dump\.jsonl:2: this line "key" is missing/],
    [
      (lines) => lines.with(1, '{"table":"kv","key":"k","row":{"key":"j"}}'),
      /^dump\.jsonl:2: this line "row" is not that of k/,
    ],
    [
      (lines) => lines.with(1, '{"table":"kv","key":"k","row":7}'),
      /^dump\.jsonl:2: this line "row" is not that of k/,
    ],
    [
      (lines) => [...lines.slice(0, 2), lines[1]!, ...lines.slice(2)],
      /^dump\.jsonl:3: this line \w+ has \S+ twice/,
    ],
    [
      (lines) => lines.with(at(lines, 'history'), '{"table":"history","key":"1-2-3","row":[]}'),
      /"row" has not the 2 entries/,
    ],
    [(lines) => [...lines, lines[1]!], /^dump\.jsonl:8: this line comes after the end/],
    [
      (lines) => lines.with(0, lines[0]!.replace('"kv":1', '"kv":2')),
      /^dump\.jsonl:1: this line says that there are 2 rows of kv, and there are 1/,
    ],
    [
      (lines) => lines.with(0, lines[0]!.replace('"format":1', '"format":2')),
      /^dump\.jsonl:1: this line is of format 2/,
    ],
  ];
  for (const [change, message] of cases) {
    const error = await broken(t, change);
    t.equal(error.code, 'DUMP_INVALID');
    t.match(error.message, message);
  }
  const newer = await broken(t, (lines) => lines.with(0, lines[0]!.replace('"version":2', '"version":99')));
  t.equal(newer.code, 'STORE_NEWER');
});

t.test('backup - only into an empty board, unless it is to be replaced', async (t) => {
  const [from, to] = [newPlace(t), newPlace(t)];
  await some(from);
  const dump = await dumped(from);
  await fill(to, (store) =>
    store.transact((tables) => {
      tables.tasks.put('other', task({ taskGuid: 'other' }));
      return { value: undefined, events: [] };
    }),
  );
  await t.rejects(restored(to, dump), { code: 'BOARD_NOT_EMPTY', message: /it has 1 tasks$/ });
  await t.rejects(restored(to, dump.slice(0, 400), true), { code: 'DUMP_INVALID' });
  t.match(await dumped(to), /"key":"other"/, 'a dump that is not whole replaces nothing');
  await restored(to, dump, true);
  t.same(rowsOf(await dumped(to)), rowsOf(dump));
  writeFileSync(join(dbOf(to), 'bbs.db'), 'no database at all');
  await t.rejects(restored(to, dump), { code: 'STORE_CORRUPT' });
  await restored(to, dump, true);
  t.same(rowsOf(await dumped(to)), rowsOf(dump), 'what is damaged is replaced, too');
  t.equal(statSync(join(dbOf(to), 'bbs.db')).mode & 0o777, 0o600);
});

t.test('backup - no board, or one that somebody holds', async (t) => {
  const place = newPlace(t);
  await t.rejects(dumped(place), { code: 'BOARD_UNKNOWN' });
  await some(place);
  const dump = await dumped(place);
  const holder = `
    const { acquireDataLock } = await import(${JSON.stringify(join(packageRoot(), 'dist/common/store/data-lock.js'))});
    acquireDataLock(${JSON.stringify(place.dataDir)}, { pid: process.pid, startedAt: 'now', command: 'test' });
    console.log('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await t.rejects(dumped(place), { code: 'DATA_DIR_LOCKED' });
  await t.rejects(restored(place, dump, true), { code: 'DATA_DIR_LOCKED' });
});

const outcry = (...args: string[]) =>
  spawnSync(process.execPath, [join(packageRoot(), 'cli/bin/outcry.mjs'), ...args], { encoding: 'utf8' });

/** Writes pairs, one commit each, until it is stopped. */
const writePairs = async (bbs: BbsProcess): Promise<{ stop(): Promise<number> }> => {
  const client = bbs.client();
  let stopped = false;
  let written = 0;
  const writer = async (n: number): Promise<void> => {
    for (let round = 0; !stopped; round += 1) {
      const processGuid = `pair-${n}-${round}`;
      must(await client.desireLrp(desiredLrp({ processGuid, instances: 2 }), ''));
      written += 1;
    }
  };
  const writers = Array.from({ length: 8 }, (_, n) => writer(n));
  return {
    async stop() {
      stopped = true;
      await Promise.all(writers);
      return written;
    },
  };
};

t.test(
  'backup - of a BBS under work: one moment of it, restored elsewhere, and it goes on from there',
  async (t) => {
    const [bbs, other] = [createBbsProcess(), createBbsProcess()];
    t.teardown(() => Promise.all([bbs.close(), other.close()]));
    await bbs.start();
    const file = join(bbs.dir, 'dump.jsonl');
    const work = await writePairs(bbs);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const child = spawn(process.execPath, [
      join(packageRoot(), 'cli/bin/outcry.mjs'),
      ...['bbs', 'dump', file, '--config', bbs.configFile],
    ]);
    const code = await new Promise((resolve) => child.on('close', resolve));
    const written = await work.stop();
    t.equal(code, 0);
    t.equal(statSync(file).mode & 0o777, 0o600);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1, -1);
    const rows = lines.map((line) => JSON.parse(line) as { table: string; key: string });
    const desired = rows.filter(({ table }) => table === 'desired_lrps').map(({ key }) => key);
    const actuals = new Set(rows.filter(({ table }) => table === 'actual_lrps').map(({ key }) => key));
    t.ok(desired.length > 0 && desired.length <= written, `${desired.length} of ${written}`);
    t.equal(actuals.size, desired.length * 2);
    t.ok(
      desired.every((guid) => [0, 1].every((index) => actuals.has(`${guid}/${index}/ORDINARY`))),
      'no half',
    );

    t.match(
      outcry('bbs', 'restore', file, '--config', bbs.configFile, '--force').stderr,
      /^outcry: DATA_DIR_LOCKED: /,
    );
    const done = outcry('bbs', 'restore', file, '--config', other.configFile);
    t.equal(done.status, 0, done.stderr);
    t.match(done.stdout, new RegExp(`^${rows.length} rows restored into `));
    await other.start();
    const client = other.client();
    t.equal(must(await client.desiredLrps({})).length, desired.length);
    t.equal(must(await client.actualLrps({})).length, actuals.size);
    t.match(must(await client.history({ guid: desired[0]!, index: -1, limit: 0 })), [
      { what: 'desired' },
      { what: 'waiting' },
    ]);
    must(await client.removeDesiredLrp(desired[0]!, ''));
  },
);

t.test('backup - the commands say what is wrong with their words', async (t) => {
  const dir = newPlace(t).dataDir;
  const cli = createFakeCli({ env: { OUTCRY_DATA: dir } });
  t.teardown(() => cli.close());
  t.equal(await cli.run('bbs', 'dump'), 1);
  t.equal(await cli.run('bbs', 'restore'), 1);
  t.equal(await cli.run('bbs', 'restore', join(dir, 'none')), 1);
  t.equal(await cli.run('bbs', 'dump', '--config', 'x', '--data', 'y'), 1);
  t.equal(await cli.run('bbs', 'dump', '--config', join(dir, 'none.yml')), 1);
  t.equal(await cli.run('bbs', 'dmp'), 1);
  t.match(cli.errors(), [
    /BOARD_UNKNOWN: there is no bulletin board at \S+bbs\.db: none answers/,
    /USAGE: FILE is missing/,
    /FILE_UNREADABLE: cannot read \S+none: /,
    /USAGE: give --config, or --data/,
    /CONFIG_UNREADABLE/,
    /USAGE: unexpected 'dmp'/,
  ]);
  await some(boardOfSystem(dir));
  t.equal(await cli.run('bbs', 'dump'), 0);
  t.match(
    cli.out(),
    /^\{"kind":"outcry bbs dump".*\n(\{"table":.*\n){5}\{"end":"outcry bbs dump","rows":5\}\n$/,
  );
  t.equal(await cli.run('bbs', 'dump', '/nonexistent/file'), 1);
  t.match(cli.errors().at(-1), /FILE_UNWRITABLE: cannot write \/nonexistent\/file: /);
});
