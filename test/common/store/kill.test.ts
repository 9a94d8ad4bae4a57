import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createSystemRandom } from '../../../common/adapters/system-random.js';
import { createSqliteEngine } from '../../../common/store/sqlite-engine.js';
import { openBalls } from '../../support/store.js';

const ROUNDS = 5;
const random = createSystemRandom();
const WRITER = fileURLToPath(new URL('./kill-writer.js', import.meta.url));

/** Runs a writer and kills it after `lines` acknowledgements or somewhat more; resolves with all of them. */
const killedWriter = (dir: string, from: number, lines: number): Promise<number[]> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRITER, dir, String(from)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.split('\n').length > lines) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (_code, signal) => {
      if (signal !== 'SIGKILL') return reject(new Error('the writer ended by itself'));
      // a last line cut short is no acknowledgement
      resolve(text.split('\n').slice(0, -1).map(Number));
    });
  });

t.test('store - after kill -9 every acknowledged row is there, and no half of a decision', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-kill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  let from = 0;
  let epoch = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const acknowledged = await killedWriter(dir, from, 1 + Math.floor(random.fraction() * 600));
    const store = await openBalls(createSqliteEngine({ dir }));
    const rows = new Set([...store.committed.balls.entries()].map(([key]) => key));
    const highest = Math.max(...[...rows].map((key) => Number(key.split('-')[1])));
    // what a later decision deleted is rightly gone, and none after the highest row was stored
    const kept = acknowledged.filter((n) => n > highest - 500);
    const missing = kept.filter((n) => !rows.has(`left-${n}`) || !rows.has(`right-${n}`));
    t.same(missing, [], `round ${round}: ${acknowledged.length} acknowledged`);
    const halves = [...rows].filter(
      (key) => !rows.has(key.replace(/^\w+/, key.startsWith('left') ? 'right' : 'left')),
    );
    t.same(halves, []);
    t.ok(acknowledged.length > 0 && highest >= Math.max(...acknowledged));
    t.ok(rows.size <= 2 * (500 + 16), 'deletions are stored as well');
    t.ok(store.epoch >= epoch + 2, 'each owner had an epoch of its own');
    from = highest;
    epoch = store.epoch;
    await store.close();
  }
});
