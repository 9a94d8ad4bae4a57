/** Every action, with real programs and a real HTTP server. */
import t from 'tap';
import type { Action, DownloadAction, UploadAction } from '../../common/model/action.js';
import {
  downloadFrom,
  hashOf,
  list,
  progress,
  sh,
  startTransferServer,
  timed,
  uploadTo,
} from '../support/action-programs.js';
import { eventually } from '../support/eventually.js';
import { runAction } from '../support/lrps.js';
import { startProcessCell } from '../support/process-cell.js';

const server = await startTransferServer();
const { archive: ARCHIVE, asked, base, uploads } = server;
const cell = await startProcessCell({
  config: { graceful_shutdown_interval: '500ms' },
  outputFileBytes: 16 * 1024 * 1024,
});
t.teardown(async () => {
  await cell.stop();
  await server.close();
});

const download = (more: Partial<DownloadAction>): Action => downloadFrom(base, more);
const upload = (more: Partial<UploadAction>): Action => uploadTo(base, more);
const complete = (action: Action, resultFile = '') => cell.complete({ action, resultFile });
const hash = (algorithm: string): string => hashOf(algorithm, ARCHIVE);

t.test('actions - download, work, upload: one after the other, with their log lines', async (t) => {
  const work = sh('cat dir/file.txt; tr a-z A-Z < dir/file.txt > out');
  t.match(await complete({ serial: list(download({}), work, upload({})) }, 'out'), {
    failed: false,
    result: 'UNPACKED\n',
  });
  t.equal(uploads.get('/out')?.toString(), 'UNPACKED\n');
  await eventually(() => cell.texts().some((text) => text.includes('Uploaded')));
  t.same(
    cell.texts().filter((text) => /^(STG|APP) /.test(text)),
    [
      'STG OUT Downloading parts...',
      `STG OUT Downloaded parts (${ARCHIVE.length}B)`,
      'APP OUT unpacked',
      'APP OUT Exit status 0',
      'STG OUT Uploading result...',
      'STG OUT Uploaded result (9B)',
    ],
  );
});

t.test('actions - a cache key keeps what is checked by its sum; each algorithm is known', async (t) => {
  for (const checksumAlgorithm of ['md5', 'sha1', 'sha256']) {
    const from = `${base}/archive-${checksumAlgorithm}`;
    const checked = download({
      from,
      cacheKey: 'key',
      checksumAlgorithm,
      checksumValue: hash(checksumAlgorithm),
    });
    for (const _time of [1, 2]) t.match(await complete(checked), { failed: false });
    t.equal(asked.filter((one) => one === `GET /archive-${checksumAlgorithm}`).length, 1);
  }
});

t.test('actions - what cannot be downloaded or uploaded says why', async (t) => {
  const reason = async (action: Action): Promise<string> => {
    const { failed, failureReason } = await complete(action);
    t.equal(failed, true);
    return failureReason;
  };
  t.equal(await reason(download({ from: `${base}/none` })), 'Downloading failed: status 404');
  t.match(
    await reason(download({ checksumAlgorithm: 'md5', checksumValue: 'abc' })),
    `Downloading failed: checksum mismatch: md5 is ${hash('md5')}, expected abc`,
  );
  t.match(await reason(download({ checksumAlgorithm: 'crc' })), 'unknown checksum algorithm crc');
  t.match(
    await reason(download({ to: '../outside' })),
    'Copying into the container failed: ../outside is outside',
  );
  const beginning = 'Failed to establish stream from container for result: ';
  t.equal(await reason(upload({})), `${beginning}out: there is no such file`);
  t.match(await reason(upload({ from: '../../secret' })), `${beginning}../../secret: it is outside`);
  t.match(await reason(upload({ from: '/etc/passwd' })), 'it is outside of the container');
  const link = sh('ln -s /etc/passwd out; mkdir dir');
  t.match(await reason({ serial: list(link, upload({})) }), 'it is outside of the container');
  t.match(await reason({ serial: list(link, upload({ from: 'dir' })) }), 'it is no regular file');
  const refused = { serial: list(sh('echo x > out'), upload({ to: `${base}/refuse` })) };
  t.equal(await reason(refused), 'Failed to upload payload for result: status 403');
  t.match(
    await reason({ serial: list(sh('echo x > out'), upload({ to: 'file:///tmp/x' })) }),
    'only http and https',
  );
  t.equal(asked.filter((one) => one === 'POST /refuse').length, 1, 'what is refused is not asked again');
});

t.test('actions - try, parallel, codependent, timeout, emit progress', async (t) => {
  const both = { parallel: list(sh('echo 1 > a'), sh('sleep 0.2; echo 2 > b')) };
  const tried = { try: { action: progress(sh('exit 3')), logSource: '' } };
  const all = { serial: list(tried, both, progress(sh('cat a b > c'))) };
  t.match(await complete(all, 'c'), { failed: false, result: '1\n2\n' });
  t.same(
    cell.texts().filter((text) => text.startsWith('P ')),
    ['P OUT begin', 'P ERR broken: APP: Exited with status 3', 'P OUT begin', 'P OUT done'],
  );
  t.match(await complete(timed(sh('exec sleep 60'), 300)), {
    failureReason: 'exceeded 300ms timeout; APP: Exited with status 143',
  });
  t.match(await complete(timed(sh('exit 0'), 60_000)), { failed: false });
  t.match(await complete({ codependent: list(sh('exec sleep 60'), sh('exit 0')) }), {
    failureReason: 'Codependent step exited',
  });
  t.match(await complete({ parallel: list(sh('exit 1'), sh('exit 2')) }), {
    failureReason: 'APP: Exited with status 1; APP: Exited with status 2',
  });
  t.match(await complete({}), { failureReason: 'invalid action type' });
});

t.test('actions - limits, files, variables; a result is there after failure too', async (t) => {
  const { result } = await complete(sh('ulimit -n > r', { resourceLimits: { nofile: 77, nproc: 1 } }), 'r');
  t.equal(result, '77\n');
  t.match(await complete(sh('echo half > r; exit 4'), 'r'), { failed: true, result: 'half\n' });
  t.match(await complete(sh('head -c 51201 /dev/zero > r'), 'r'), {
    failureReason: 'failed to fetch result',
  });
  const env = [{ name: 'SERVICE_BINDING_ROOT', value: '/etc/cf-service-bindings' }];
  const read = sh('cat "$SERVICE_BINDING_ROOT/db/user" "$SERVICE_BINDING_ROOT/own" > r', {
    env,
    volumeMountedFiles: [{ path: 'own', content: 'mine' }],
  });
  const files = [{ path: 'db/user', content: 'me-' }];
  const certificates = { trustedSystemCertificatesPath: '/etc/certs' };
  const task = { action: read, resultFile: 'r', volumeMountedFiles: files, ...certificates };
  t.match(await cell.complete(task), { failed: false, result: 'me-mine' });
  const bad = sh('true', { volumeMountedFiles: [{ path: '../x', content: '' }] });
  t.match(await complete(bad), {
    failureReason: /^failed to create volume mounted files: "\.\.\/x" is no path/,
  });
  const action = sh('echo "$CF_SYSTEM_CERT_PATH$INSTANCE_GUID" > r');
  t.match(await cell.complete({ action, resultFile: 'r', ...certificates }), { result: '/etc/certs\n' });
  const many = Array.from({ length: 10_000 }, (_, at) => ({ name: `VARIABLE_${at}`, value: 'x'.repeat(50) }));
  t.match(await complete(sh('env | grep -c VARIABLE_ > r', { env: many }), 'r'), { result: '10000\n' });
  const huge = sh('true', { env: [{ name: 'HUGE', value: 'x'.repeat(200_000) }] });
  t.match(await complete(huge), { failed: true, failureReason: /argument list too long/i });
  t.match(await complete(runAction({ path: '/no/such', user: '' })), {
    failureReason: /no such file or directory/,
  });
});

t.test('output - nothing is lost of what dies at once, of long lines, of binary', async (t) => {
  const from = cell.lines.length;
  const outputs = Array.from({ length: 10 }, (_, at) =>
    complete(sh(`printf 'last words ${at}'; echo 'sigh ${at}' >&2; exit 1`)),
  );
  await Promise.all(outputs);
  const lines = () => cell.lines.slice(from);
  const texts = () => lines().map(({ stream, bytes }) => `${stream} ${bytes.toString()}`);
  for (const at of outputs.keys()) {
    t.ok(texts().includes(`OUT last words ${at}`));
    t.ok(texts().includes(`ERR sigh ${at}`));
  }
  t.ok(lines().every(({ timestamp }) => /^\d{19}$/.test(timestamp)));

  const long = cell.lines.length;
  await complete(sh('head -c 10000000 /dev/zero | tr "\\0" z; echo'));
  const pieces = cell.lines.slice(long).filter(({ bytes }) => bytes[0] === 0x7a);
  t.equal(
    pieces.reduce((sum, { bytes }) => sum + bytes.length, 0),
    10_000_000,
  );
  t.ok(pieces.every(({ bytes }) => bytes.length <= 61_440));
  t.equal(pieces.length, Math.ceil(10_000_000 / 61_440));

  const binary = cell.lines.length;
  await complete(sh("printf '\\000\\377\\200\\001\\n'", { logSource: 'BIN' }));
  const found = cell.lines.slice(binary).find(({ sourceType }) => sourceType === 'BIN');
  t.same([...(found?.bytes ?? [])], [0, 255, 128, 1]);
});

t.test('lrp - sidecars, setup and instances’ variables; what ends one ends the other', async (t) => {
  const sidecar = (script: string) => [{ action: sh(script, { logSource: 'SIDE' }), diskMb: 0, memoryMb: 0 }];
  const waits = sh('exec sleep 60');
  t.equal(await cell.crash({ action: waits, sidecars: sidecar('exit 3') }), 'SIDE: Exited with status 3');
  t.equal(await cell.crash({ action: waits, sidecars: sidecar('exit 0') }), 'Codependent step exited');
  t.equal(await cell.crash({ action: sh('exit 0') }), '', 'a lone action that exits 0');
  t.equal(await cell.crash({ setup: sh('exit 5'), action: waits }), 'APP: Exited with status 5');
  const setup = { serial: list(download({}), sh('echo set > up')) };
  t.equal(
    await cell.crash({ setup, action: sh('exit $(cat up dir/file.txt | wc -l)') }),
    'APP: Exited with status 2',
  );
  const missing = { name: 'x', from: `${base}/none`, to: '.', cacheKey: '', logSource: '' };
  const cachedDependencies = [{ ...missing, checksumAlgorithm: '', checksumValue: '' }];
  t.equal(await cell.crash({ cachedDependencies, action: waits }), 'failed to download cached artifacts');
  const env = [{ name: 'VCAP_APPLICATION', value: '{"name":"n"}' }];
  const tell = 'env | grep -E "^(CF_|VCAP_|INSTANCE_)" | sort';
  const from = cell.lines.length;
  await cell.crash({
    env,
    action: sh(tell, { env: [{ name: 'VCAP_APP_PORT', value: '8080' }] }),
    ports: [8080, 9090],
  });
  const told = cell.lines.slice(from).map(({ bytes }) => bytes.toString());
  const known = Object.fromEntries(
    told.map((text) => [text.split('=')[0], text.slice(text.indexOf('=') + 1)]),
  );
  const ports = JSON.parse(known['CF_INSTANCE_PORTS'] ?? '') as { external: number; internal: number }[];
  t.same(
    ports.map(({ internal }) => internal),
    [8080, 9090],
  );
  t.match(known, {
    CF_INSTANCE_IP: '127.0.0.1',
    CF_INSTANCE_INTERNAL_IP: '127.0.0.1',
    CF_INSTANCE_INDEX: '0',
    INSTANCE_INDEX: '0',
    CF_INSTANCE_GUID: known['INSTANCE_GUID'],
    CF_INSTANCE_PORT: String(ports[0]?.external),
    CF_INSTANCE_ADDR: `127.0.0.1:${ports[0]?.external}`,
    VCAP_APP_PORT: String(ports[0]?.external),
  });
  t.same(JSON.parse(known['VCAP_APPLICATION'] ?? ''), {
    name: 'n',
    host: '0.0.0.0',
    instance_id: known['INSTANCE_GUID'],
    instance_index: 0,
  });
});

t.test('health - an application that takes connections and never answers is given up', async (t) => {
  const script = "require('net').createServer(() => undefined).listen(process.env.PORT)";
  const env = [{ name: 'PORT', value: '8080' }];
  const action = runAction({ path: process.execPath, args: ['-e', script], user: '', env });
  const checks = [{ httpCheck: { port: 8080, path: '/', requestTimeoutMs: 0, intervalMs: 0 } }];
  const checkDefinition = { checks, logSource: '', readinessChecks: [] };
  const reason = await cell.crash({ action, checkDefinition, startTimeoutMs: 2_500 });
  t.match(reason, /^Instance never healthy after [23]\S*s: .*timed out after 1\.\d\d seconds$/);
});

t.test('stop - SIGTERM, the grace, SIGKILL, and the lines that tell of it', async (t) => {
  cell.startLrp({ processGuid: 'deaf', action: sh('trap "" TERM; echo ready; while :; do sleep 0.1; done') });
  await eventually(() => cell.texts().includes('APP OUT ready'));
  const from = cell.lines.length;
  const start = cell.bbs.starts.find(({ key }) => key.processGuid === 'deaf');
  const instanceGuid = start?.instanceKey.instanceGuid ?? '';
  cell.rep.cell.stop({ traceId: '', processGuid: 'deaf', index: 0, domain: 'test', instanceGuid });
  await eventually(() => cell.bbs.calls.includes('remove deaf.0'), { what: 'removed' });
  const gone = `CELL OUT Cell cell-1 successfully destroyed container for instance ${instanceGuid}`;
  await eventually(() => cell.texts().includes(gone));
  t.same(
    cell.lines.slice(from).map(({ sourceType, bytes }) => `${sourceType} ${bytes.toString()}`),
    [
      `CELL Cell cell-1 stopping instance ${instanceGuid}`,
      'APP Exit status 137 (exceeded 500ms graceful shutdown interval)',
      `CELL Cell cell-1 destroying container for instance ${instanceGuid}`,
      `CELL Cell cell-1 successfully destroyed container for instance ${instanceGuid}`,
    ],
  );
});
