/** The cell's image is built from a base that this machine's files make, and runs: no registry is asked for anything. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { relative } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import t from 'tap';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { makeStackImage } from '../../../cell-rep/runtimes/docker/stack/image.js';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { withDockerEngine } from '../../support/docker-engine.js';
import type { DockerEngine } from '../../support/docker-engine.js';

const exec = promisify(execFile);

const BASE = 'outcry-test-base';
const CELL = 'outcry-test-cell';
const DOCKERFILE = 'mesos-bridge/executor/Dockerfile';
/** What a cell's applications run with, and what looks after them. */
const PROGRAMS = ['sh', 'env', 'cat', 'id', 'perl'];

/** The parts of the C library that the store's native module takes beside what Node.js does. */
const nativeLibraries = async (): Promise<string[]> => {
  const store = createRequire(createRequire(import.meta.url).resolve('libsql'));
  const { stdout } = await exec('ldd', [store.resolve(`@libsql/${process.platform}-${process.arch}-gnu`)]);
  return [...stdout.matchAll(/=> (\/\S+)/g)].map(([, path = '']) => path);
};

const makeBase = async ({ client, socketPath }: DockerEngine): Promise<void> => {
  const { stdout } = await exec('perl', ['-e', 'print join "\\n", @INC']);
  await makeStackImage({
    docker: client,
    engine: { socketPath },
    clock: createSystemClock(),
    name: BASE,
    contents: {
      required: PROGRAMS,
      optional: [],
      files: [...stdout.split('\n').filter((dir) => dir.endsWith('perl-base')), ...(await nativeLibraries())],
      npm: false,
      check: "perl -e 'use POSIX; print q(it loads)'",
    },
    machine: { path: process.env['PATH'] ?? '', node: process.execPath },
    labels: {},
  });
};

/** Of the repository what runs needs: the whole of it is several times as much. */
const contextPaths = async (): Promise<string[]> => {
  const root = packageRoot();
  const listed = await exec('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root }).catch(
    (error: { stdout: string }) => error,
  );
  // those below others come with them
  const modules = listed.stdout
    .split('\n')
    .filter((path) => path.lastIndexOf('/node_modules/') === root.length);
  const own = ['api', 'auctioneer', 'bbs', 'cell-rep', 'cli', 'common', 'mesos-bridge', 'router'];
  return [...own, 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.run.json', ...modules].map(
    (path) => (path.startsWith('/') ? relative(root, path) : path),
  );
};

/** Resolves with what it printed; rejects with its error. */
const build = async (client: Docker): Promise<string> => {
  const paths = (await contextPaths()).filter((path) => existsSync(`${packageRoot()}/${path}`));
  const tar = spawn('tar', ['-c', ...paths], { cwd: packageRoot() });
  const stream = await client.buildImage(tar.stdout, {
    dockerfile: DOCKERFILE,
    buildargs: { BASE },
    t: CELL,
    version: '1',
  });
  const lines = await new Promise<{ stream?: string; error?: string }[]>((resolve, reject) => {
    client.modem.followProgress(stream, (error, all) =>
      error ? reject(error) : resolve(all as { stream?: string; error?: string }[]),
    );
  });
  const printed = lines.map((line) => line.stream ?? '').join('');
  const failed = lines.find(({ error }) => error !== undefined);
  if (failed) throw new Error(`${failed.error}\n${printed}`);
  return printed;
};

/** Runs it to its end; what it printed, and its status. */
const run = async (
  client: Docker,
  options: Docker.ContainerCreateOptions,
): Promise<{ status: number; output: string }> => {
  const container = await client.createContainer({ Image: CELL, Tty: true, ...options });
  await container.start();
  const { StatusCode: status } = (await container.wait()) as { StatusCode: number };
  const output = String(await container.logs({ stdout: true, stderr: true }));
  await container.remove();
  return { status, output };
};

await withDockerEngine(t, async (engine) => {
  await makeBase(engine);
  const printed = await build(engine.client);

  t.test('cell image - built from a given base, nothing fetched', async (t) => {
    t.match(printed, /Successfully built/);
  });

  t.test(
    'cell image - runs as an executor, and says what it lacks when nobody starts it as one',
    async (t) => {
      const { status, output } = await run(engine.client, {});
      t.equal(status, 1);
      t.match(output, /EXECUTOR_ENVIRONMENT_INVALID.*MESOS_EXECUTOR_ID/s);
    },
  );
});
