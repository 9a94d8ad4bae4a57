/** What a rep writes down of its containers, and what its next life finds of it. */
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createFileNotes } from '../../cell-rep/containers/file-notes.js';
import type { ContainerRecord, StoredContainer } from '../../cell-rep/containers/memory.js';
import type { ContainerState } from '../../cell-rep/core/life-cycle.js';
import type { RunPlan } from '../../cell-rep/core/run-plan.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';

const planOf = (guid: string, logSource = 'APP'): RunPlan => ({ identity: { guid }, logSource }) as RunPlan;

const recordOf = (state: ContainerState, output = ''): ContainerRecord => ({
  state,
  setUp: false,
  done: [],
  started: {},
  outputs: { main: { cursor: '0:16', out: output, err: '' } },
});

const scratch = async (t: { teardown(task: () => Promise<void>): unknown }): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-notes-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'notes');
};

const open = (dir: string, logger = createCaptureLogger()) => createFileNotes(dir, logger);

const found = async (dir: string): Promise<StoredContainer[]> => {
  const all = await open(dir).load();
  return all.sort((a, b) => (a.guid < b.guid ? -1 : 1));
};

t.test(
  'notes - the next life finds plans and the last record of each; nobody else may read them',
  async (t) => {
    const dir = await scratch(t);
    const notes = open(dir);
    await notes.savePlan(planOf('a'));
    void notes.save('a', recordOf('initializing'));
    void notes.save('a', recordOf('created'));
    await notes.save('a', recordOf('running'));
    await notes.savePlan(planOf('b'));
    await notes.save('c', recordOf('completed'));
    await notes.savePlan(planOf('d'));
    await notes.remove('d');
    t.same(await found(dir), [
      { guid: 'a', record: recordOf('running'), plan: planOf('a') },
      { guid: 'b', record: { ...recordOf('initializing'), outputs: {} }, plan: planOf('b') },
      { guid: 'c', record: recordOf('completed') },
    ]);
    t.equal((await stat(join(dir, 'notes.jsonl'))).mode & 0o777, 0o600);
  },
);

t.test(
  'notes - what came and went before it was written leaves nothing; a guid may come again',
  async (t) => {
    const dir = await scratch(t);
    const notes = open(dir);
    await notes.savePlan(planOf('first'));
    const size = async (): Promise<number> => (await stat(join(dir, 'notes.jsonl'))).size;
    const before = await size();
    void notes.savePlan(planOf('short'));
    await notes.remove('short');
    t.equal(await size(), before);
    void notes.remove('first');
    await notes.savePlan(planOf('first', 'again'));
    t.same(
      (await found(dir)).map(({ plan }) => plan),
      [planOf('first', 'again')],
    );
  },
);

t.test('notes - a line that a kill has cut off costs no other, and what follows is read', async (t) => {
  const dir = await scratch(t);
  const before = open(dir);
  await before.savePlan(planOf('a'));
  await before.save('a', recordOf('running'));
  await appendFile(join(dir, 'notes.jsonl'), '{"guid":"a","record":{"state":"comp');
  const after = open(dir);
  t.equal((await after.load())[0]?.record.state, 'running');
  await after.savePlan(planOf('b'));
  t.same(
    (await found(dir)).map(({ guid, record }) => [guid, record.state]),
    [
      ['a', 'running'],
      ['b', 'initializing'],
    ],
  );
});

t.test('notes - what could not be written is told once, and written with what comes next', async (t) => {
  const dir = await scratch(t);
  await writeFile(dir, 'in the way');
  const logger = createCaptureLogger();
  const notes = open(dir, logger);
  await notes.savePlan(planOf('a'));
  t.equal(logger.named('failed-to-write-container-notes').length, 1);
  await rm(dir);
  await notes.save('b', recordOf('running'));
  t.same(
    (await found(dir)).map(({ guid }) => guid),
    ['a', 'b'],
  );
});

t.test(
  'notes - whatever happens in one turn or many, the file says what is; and it does not grow for ever',
  async (t) => {
    const dir = await scratch(t);
    const random = createSeededRandom(20261130);
    const notes = open(dir);
    const expected = new Map<string, StoredContainer>();
    const output = 'x'.repeat(20_000);
    let written = 0;
    for (let step = 0; step < 3_000; step += 1) {
      const guid = `g${Math.floor(random.fraction() * 8)}`;
      const known = expected.get(guid);
      const what = random.fraction();
      let done: Promise<void>;
      if (what < 0.2) {
        expected.delete(guid);
        done = notes.remove(guid);
      } else if (what < 0.4 || known === undefined) {
        const plan = planOf(guid, String(step));
        expected.set(guid, { record: { ...recordOf('initializing'), outputs: {} }, ...known, guid, plan });
        done = notes.savePlan(plan);
      } else {
        const record = recordOf('running', output + step);
        written += output.length;
        expected.set(guid, { ...known, record });
        done = notes.save(guid, record);
      }
      if (random.fraction() < 0.5) await done;
      if (step % 500 === 499) {
        await done;
        const wanted = [...expected.values()].sort((a, b) => (a.guid < b.guid ? -1 : 1));
        t.same(await found(dir), wanted, `after ${step + 1} steps`);
      }
    }
    const text = await readFile(join(dir, 'notes.jsonl'), 'utf8');
    t.ok(text.length < 8 * 1024 * 1024 && written > 16 * 1024 * 1024, `${text.length} of ${written} bytes`);
  },
);
