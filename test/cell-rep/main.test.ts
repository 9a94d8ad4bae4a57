/** A cell as a process of its own, whose BBS and bus are away. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../common/runtime/package-root.js';
import { eventually } from '../support/eventually.js';
import { closedPort } from '../support/router.js';

t.test('cell process - leaves no empty place for containers behind', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-cell-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  chmodSync(dir, 0o755); // so that, as root too, containers are below it
  const nats = { servers: [`nats://127.0.0.1:${await closedPort()}`], user: 'u', password: 'secret' };
  writeFileSync(join(dir, 'nats.json'), JSON.stringify(nats));
  const log = { file: 'log' };
  const common = { component: 'cell', nats: 'nats.json', log, bbs: { socket: 'bbs.sock' } };
  const file = join(dir, 'cell.json');
  writeFileSync(file, JSON.stringify({ ...common, cell_id: 'cell-1', data_dir: '.' }));

  const child = spawn(process.execPath, [join(packageRoot(), 'cli/bin/outcry.mjs'), 'cell', '-c', file]);
  t.teardown(() => child.kill('SIGKILL'));
  const started = (): boolean => readFileSync(join(dir, 'log'), 'utf8').includes('rep.started');
  await eventually(started, { timeoutMs: 30_000 });
  t.ok(existsSync(join(dir, 'cells', 'cell-1', 'containers')));
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [0, null]);
  t.notOk(existsSync(join(dir, 'cells')));
});
