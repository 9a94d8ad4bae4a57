/** Volumes of the operator's drivers: which directory it is, and what an application hears when there is none. */
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { VolumeMount } from '../../common/model/lrp.js';
import { volumeRequests } from '../../cell-rep/core/volumes.js';
import { createDirectoryVolumes } from '../../cell-rep/volumes/directory.js';
import { desiredLrp } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

interface Test {
  teardown(task: () => Promise<void>): unknown;
}

/** A root with a volume `data`, and what should not be taken for one. */
const makeVolumes = async (t: Test) => {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'outcry-volumes-')));
  t.teardown(() => rm(dir, { recursive: true }));
  const root = join(dir, 'root');
  for (const path of [root, join(root, 'data'), join(root, 'data', 'deep'), join(dir, 'secret')])
    await mkdir(path);
  await writeFile(join(root, 'file'), '');
  await symlink(join(dir, 'secret'), join(root, 'outside'));
  await symlink('data', join(root, 'alias'));
  await symlink('data/deep', join(root, 'below'));
  await symlink('/', join(root, 'slash'));
  return { dir, root };
};

const request = (volumeId: string, over = {}) => ({
  driver: 'local',
  containerDir: '/var/data',
  readOnly: false,
  volumeId,
  mountConfig: '',
  ...over,
});

t.test('volumes - a volume is a directory of its root, and of no other place', async (t) => {
  const { dir, root } = await makeVolumes(t);
  const driver = createDirectoryVolumes({ root, readOnly: false });
  const data = { source: join(root, 'data'), target: '/var/data', readOnly: false };
  t.same(await driver.mount(request('data')), { ok: true, mount: data });
  t.same(await driver.mount(request('alias')), { ok: true, mount: data }, 'where a link leads within it');
  const others = ['', '.', '..', 'none', 'file', 'outside', 'below', 'slash', 'data/deep', '../secret'];
  for (const id of [...others, `${root}/data`, 'data/../../secret', 'data\0', 'data/', '-data']) {
    t.same(await driver.mount(request(id)), { ok: false, reason: `local: there is no volume "${id}"` });
  }
  const linked = join(dir, 'linked');
  await symlink(root, linked);
  t.match(await createDirectoryVolumes({ root: linked, readOnly: false }).mount(request('data')), {
    ok: true,
    mount: data,
  });
});

t.test(
  'volumes - the operator, the work and its configuration may each say that it is read only',
  async (t) => {
    const { root } = await makeVolumes(t);
    const readOnly = async (operator: boolean, over: object): Promise<unknown> => {
      const mounted = await createDirectoryVolumes({ root, readOnly: operator }).mount(request('data', over));
      return mounted.ok ? mounted.mount.readOnly : mounted.reason;
    };
    t.equal(await readOnly(false, { mountConfig: '{}' }), false);
    t.equal(await readOnly(true, {}), true);
    t.equal(await readOnly(false, { readOnly: true }), true);
    t.equal(await readOnly(false, { mountConfig: '{"readonly": true}' }), true);
    t.equal(
      await readOnly(false, { mountConfig: '{"uid": "1000"}' }),
      'local: mount_config has uid, which is not known',
    );
    t.equal(await readOnly(false, { mountConfig: '{' }), 'local: mount_config is no JSON object');
    t.equal(await readOnly(false, { mountConfig: 'null' }), 'local: mount_config is no JSON object');
  },
);

const mount = (over: Partial<VolumeMount> = {}): VolumeMount => ({
  driver: 'local',
  containerDir: '/var/data',
  mode: 'rw',
  shared: { volumeId: 'data', mountConfig: '' },
  ...over,
});

t.test('volumes - what cannot be mounted is said', async (t) => {
  const reason = (...mounts: VolumeMount[]): string => {
    const found = volumeRequests(mounts);
    return found.ok ? '' : found.reason;
  };
  t.equal(reason(mount(), mount({ containerDir: '/home/vcap/data', mode: 'r' })), '');
  const { shared: _, ...without } = mount();
  t.equal(reason(without), 'local: only shared volumes are known here');
  const dedicated = { mounterId: 'm', mountConfig: '', deviceConfig: '' };
  t.match(reason({ ...mount(), dedicated }), /only shared/);
  t.match(reason(mount({ mode: 'x' })), /bad mode "x"/);
  t.match(reason(mount(), mount()), /same container_dir/);
  for (const containerDir of [
    '',
    '/',
    'data',
    '/a/../etc',
    '/a//b',
    '/a/',
    '/proc',
    '/sys/fs',
    '/dev/shm',
    '/a/.',
  ])
    t.match(reason(mount({ containerDir })), /nothing is mounted at/, containerDir);
});

t.test('cell - an application finds the volumes it named; without the driver it hears why not', async (t) => {
  const { root } = await makeVolumes(t);
  const run = async (mounts: VolumeMount[]) => {
    const world = createWorld();
    world.bbs.desired.set('app', desiredLrp({ volumeMounts: mounts }));
    const rep = await startRep(world, { volume_drivers: { local: { root } } });
    t.teardown(() => rep.stop());
    rep.workLrp();
    return { rep, world };
  };
  const { rep } = await run([mount()]);
  await rep.until(() => rep.runtime.containers.size === 1, 'made');
  t.same(rep.only().spec.mounts, [{ source: join(root, 'data'), target: '/var/data', readOnly: false }]);

  const refusals: [VolumeMount, string][] = [
    [mount({ driver: 'nfs' }), 'this cell has no volume driver nfs'],
    [mount({ shared: { volumeId: 'outside', mountConfig: '' } }), 'local: there is no volume "outside"'],
    [mount({ mode: '' }), 'local: bad mode ""'],
  ];
  for (const [asked, reason] of refusals) {
    const { rep: other, world } = await run([asked]);
    const crash = `crash app.0: failed to mount volume: ${reason}`;
    await other.until(() => world.bbs.calls.includes(crash), crash);
    t.equal(world.runtime.containers.size, 0);
  }
});

t.test('cell - a runtime without mounts offers no volumes', async (t) => {
  const world = createWorld();
  delete (world.runtime as { mounts?: true }).mounts;
  const rep = await startRep(world, { volume_drivers: { local: { root: '/srv' } } });
  t.same(rep.rep.cell.state().volumeDrivers, []);
  await rep.stop();
});
