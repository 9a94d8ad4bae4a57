/** A cell as a process of its own, whose BBS and bus are away. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Client } from 'undici';
import { capacityPerCell } from '../../cell-rep/capacity.js';
import { main } from '../../cell-rep/main.js';
import { readConfig } from '../../common/runtime/config-file.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { eventually } from '../support/eventually.js';
import { startBbs } from '../support/http-bbs.js';
import { closedPort } from '../support/router.js';

const configured = async (t: { teardown(task: () => unknown): unknown }, more: object = {}) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-cell-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  chmodSync(dir, 0o755); // so that, as root too, containers are below it
  const nats = { servers: [`nats://127.0.0.1:${await closedPort()}`], user: 'u', password: 'secret' };
  writeFileSync(join(dir, 'nats.json'), JSON.stringify(nats));
  const log = { file: 'log' };
  const common = { component: 'cell', nats: 'nats.json', log, bbs: { socket: 'bbs.sock' } };
  const file = join(dir, 'cell.json');
  writeFileSync(file, JSON.stringify({ ...common, cell_id: 'cell-1', data_dir: '.', ...more }));
  const started = (): boolean => readFileSync(join(dir, 'log'), 'utf8').includes('rep.started');
  return { dir, file, started };
};

t.test('cell process - leaves no empty place for containers behind', async (t) => {
  const { dir, file, started } = await configured(t);
  const child = spawn(process.execPath, [join(packageRoot(), 'cli/bin/outcry.mjs'), 'cell', '-c', file]);
  t.teardown(() => child.kill('SIGKILL'));
  await eventually(started, { timeoutMs: 30_000 });
  t.ok(existsSync(join(dir, 'cells', 'cell-1', 'containers')));
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [0, null]);
  t.notOk(existsSync(join(dir, 'cells')));
});

t.test('cell process - its admin listener has it evacuate, and then it is gone', async (t) => {
  const { dir, file, started } = await configured(t, { admin: { socket: 'admin.sock' } });
  const child = spawn(process.execPath, [join(packageRoot(), 'cli/bin/outcry.mjs'), 'cell', '-c', file]);
  t.teardown(() => child.kill('SIGKILL'));
  await eventually(started, { timeoutMs: 30_000 });
  const admin = new Client('http://admin', { socketPath: join(dir, 'admin.sock') });
  t.teardown(() => admin.destroy());
  const ask = async (method: 'GET' | 'POST', path: string) => {
    const { statusCode, body } = await admin.request({ method, path });
    return { status: statusCode, body: (await body.json()) as unknown };
  };
  t.same(await ask('GET', '/ping'), { status: 200, body: {} });
  t.match(await ask('POST', '/evacuate'), { status: 503, body: { reason: 'cell is starting' } });
  const { client } = await startBbs(t, { dir });
  const taken = async (): Promise<unknown> => {
    const answer = await ask('POST', '/evacuate');
    return answer.status === 202 ? answer.body : undefined;
  };
  t.same(await eventually(taken, { timeoutMs: 30_000 }), { ping_path: '/ping' });
  t.same(await once(child, 'exit'), [0, null]);
  t.same(await client.cells(), { ok: true, value: [] }, 'its presence went with it');
  await t.rejects(ask('GET', '/ping'));
});

t.test(
  'cell process - `auto` is what is free where the data will be, wherever the rep is started',
  async (t) => {
    // a file system other than that of the working directory, where there is one
    const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'outcry-cell-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const file = join(dir, 'cell.json');
    const common = { component: 'cell', nats: 'nats.json', bbs: { socket: 'bbs.sock' }, cell_id: 'cell-1' };
    writeFileSync(file, JSON.stringify({ ...common, data_dir: 'data', disk: 'auto/2' }));
    const read = readConfig(file, main.config, main.prepare);
    const { diskMb } = capacityPerCell({ cells: 2, dir, inOwnCgroup: true });
    const found = read.ok ? read.value.cell.total.diskMb : 0;
    // others write there meanwhile
    t.ok(Math.abs(found - diskMb) < 0.05 * diskMb, `${found} MB, of ${diskMb} MB`);
  },
);
