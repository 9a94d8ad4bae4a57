/** What a start removes of what earlier ones left, and what it leaves alone. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { RuntimeChoice } from '../../../cell-rep/runtimes/decide.js';
import { prefixOf } from '../../../cell-rep/runtimes/docker/leftovers.js';
import { createDockerRuntime } from '../../../cell-rep/runtimes/docker/runtime.js';
import { removeLeftovers } from '../../../cell-rep/runtimes/leftovers.js';
import { mustCreate, mustRun } from '../../contract/container-runtime.js';
import { withDockerEngine } from '../../support/docker-engine.js';
import type { DockerEngine } from '../../support/docker-engine.js';
import { shell } from '../../support/process-runtime.js';

const clock = createSystemClock();
const PROCESS: RuntimeChoice = { kind: 'process', says: '' };

const makeDataDir = async (t: Test): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-leftovers-'));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
};

const remove = (dataDir: string, choice: RuntimeChoice, cellIds: string[]): Promise<string[]> =>
  removeLeftovers({ dataDir, choice, cellIds, clock, logger: silentLogger });

t.test('leftovers - a first start has none', async (t) => {
  t.same(await remove(await makeDataDir(t), PROCESS, ['cell-1']), []);
});

t.test('leftovers - a data directory is told from others by where it really is', async (t) => {
  const dir = await makeDataDir(t);
  const [real, link] = [join(dir, 'real', 'data'), join(dir, 'link', 'data')];
  const before = prefixOf(real);
  await mkdir(real, { recursive: true });
  await symlink('real', join(dir, 'link'));
  t.equal(prefixOf(real), before, 'the same before it is made');
  t.equal(prefixOf(link), before);
  t.not(prefixOf(dir), before);
});

t.test('leftovers - an engine that cannot be asked is named, and asked again the next time', async (t) => {
  const dataDir = await makeDataDir(t);
  const file = join(dataDir, 'docker-engines.json');
  await writeFile(file, JSON.stringify([{ socketPath: join(dataDir, 'none.sock') }]));
  for (const _start of [1, 2]) {
    t.match(await remove(dataDir, PROCESS, ['cell-1']), [
      /^containers of this data directory may still be in Docker: no Docker engine answers at .*none\.sock: there is no socket; a start/,
    ]);
  }
  t.ok(existsSync(file));
});

t.test('leftovers - a list of engines that cannot be read is told, once, and kept', async (t) => {
  for (const text of ['[{"socketPa', '{}', '']) {
    const dataDir = await makeDataDir(t);
    const file = join(dataDir, 'docker-engines.json');
    await writeFile(file, text);
    t.match(await remove(dataDir, PROCESS, ['cell-1']), [
      /^ENGINES_UNREADABLE: .* cannot be read, .*docker-engines\.json\.unreadable is what was there: .+; where/,
    ]);
    t.equal(await readFile(`${file}.unreadable`, 'utf8'), text);
    t.same(await remove(dataDir, PROCESS, ['cell-1']), []);
  }
});

t.test('leftovers - the list of engines appears whole', async (t) => {
  const dataDir = await makeDataDir(t);
  const file = join(dataDir, 'docker-engines.json');
  const engines = JSON.stringify([{ socketPath: join(dataDir, 'none.sock') }]);
  await writeFile(file, engines);
  // whoever holds the file open sees no half of the next one in it
  const before = await open(file);
  t.teardown(() => before.close());
  await remove(dataDir, PROCESS, ['cell-1']);
  t.equal(await before.readFile('utf8'), engines);
  t.equal(await readFile(file, 'utf8'), `${engines}\n`);
});

const suite = ({ socketPath, client, image }: DockerEngine): void => {
  const docker: RuntimeChoice = {
    kind: 'docker',
    engine: { socketPath },
    where: socketPath,
    stacks: {},
    says: '',
  };

  /** A container that nobody minds any more, as after `kill -9`. */
  const leave = async (dataDir: string, cellId: string): Promise<void> => {
    const runtime = createDockerRuntime({
      ...{ cellId, clock, logger: silentLogger, prefix: prefixOf(dataDir) },
      stacks: { any: image },
      engine: { socketPath },
      ports: { first: 34_000, last: 34_499 },
    });
    await runtime.start();
    await mustRun(await mustCreate(runtime), shell('sleep 1000'));
    await mustCreate(runtime); // has only a volume
    await runtime.stop();
  };
  const cellsOf = async (dataDir: string): Promise<(string | undefined)[]> => {
    const label = `${prefixOf(dataDir)}.cell`;
    const [containers, { Volumes }] = await Promise.all([
      client.listContainers({ all: true }),
      client.listVolumes(),
    ]);
    const labels = [...containers.map(({ Labels }) => Labels), ...Volumes.map(({ Labels }) => Labels)];
    return [...new Set(labels.map((one) => one?.[label]))].filter((cell) => cell !== undefined).sort();
  };

  t.test('leftovers - of cells that are no more, of this data directory alone', async (t) => {
    const [one, other] = [await makeDataDir(t), await makeDataDir(t)];
    await remove(one, docker, ['cell-1', 'cell-4']);
    await leave(one, 'cell-1');
    await leave(one, 'cell-4');
    await leave(other, 'cell-4');
    t.match(await remove(one, docker, ['cell-1']), [
      /^removed 2 containers .* in Docker at .*docker\.sock; /,
    ]);
    t.same(await cellsOf(one), ['cell-1']);
    t.same(await cellsOf(other), ['cell-4']);

    t.match(await remove(one, PROCESS, ['cell-1']), [/^removed 2 containers /]);
    t.same(await cellsOf(one), []);
    t.notOk(existsSync(join(one, 'docker-engines.json')), 'there is nothing to remember');
    t.same(await remove(one, PROCESS, ['cell-1']), []);
    await remove(other, docker, []);
    t.same(await cellsOf(other), []);
  });
};

await withDockerEngine(t, suite);
