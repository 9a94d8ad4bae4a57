/** What a cell has to give away, and what it says of itself. */
import t from 'tap';
import { memoryOf, memoryShare, withinRuntime } from '../../cell-rep/capacity.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { fromJson } from '../../common/wire/codec.js';
import { createWorld, startRep } from '../support/rep.js';

const GB = 1024 ** 3;

t.test('capacity - of memory a cgroup may leave less than there is', async (t) => {
  t.equal(memoryOf(16 * GB, 0), 16 * GB, 'no limit');
  t.equal(memoryOf(16 * GB, 4 * GB), 4 * GB);
  t.equal(memoryOf(16 * GB, 2 ** 63), 16 * GB, 'as kernels say that there is none');
});

t.test('capacity - the machine keeps one GB, and cells share the rest', async (t) => {
  t.equal(memoryShare(16 * GB, 1), 15 * 1024);
  t.equal(memoryShare(16 * GB, 3), 5 * 1024);
  t.equal(memoryShare(1 * GB, 1), 1024, 'a small machine gives away what it has');
});

const parse = (over: Record<string, unknown>) => cellRepConfig.parse({ cell_id: 'cell-1', ...over }, 'test');

t.test('capacity - what is promised may be more than there is', async (t) => {
  const total = (over: Record<string, unknown>) => {
    const parsed = parse({ memory: '10G', disk: '20G', ...over });
    return parsed.ok ? parsed.value.total : parsed.error;
  };
  t.match(total({}), { memoryMb: 10_240, diskMb: 20_480, containers: 250 });
  const more = { memory_overcommit: 1.5, disk_overcommit: 2, max_containers: 50 };
  t.match(total(more), { memoryMb: 15_360, diskMb: 40_960, containers: 50 });
  t.match(total({ memory: '1000001M', memory_overcommit: 1.3 }), { memoryMb: 1_300_001 }, 'whole MB');
  t.match(total({ disk: '2000T', disk_overcommit: 10 }), { diskMb: 2 ** 31 - 1 }, 'what the wire can tell');
});

t.test('capacity - no more containers are promised than the runtime can have', async (t) => {
  const config = parse({ max_containers: 50 });
  if (!config.ok) throw new Error('config');
  const logger = createCaptureLogger();
  const containers = async (most: number | undefined): Promise<number> => {
    const within = await withinRuntime(config.value, { mostContainers: async () => most }, logger);
    return within.total.containers;
  };
  t.equal(await containers(undefined), 50);
  t.equal(await containers(253), 50);
  t.equal((await withinRuntime(config.value, {}, logger)).total.containers, 50);
  t.equal(logger.events.length, 0);
  t.equal(await containers(13), 13);
  t.match(logger.named('fewer-containers-than-configured'), [{ fields: { configured: 50, containers: 13 } }]);
});

const PROBLEMS: { what: string; config: Record<string, unknown>; field: string; problem: RegExp }[] = [
  {
    what: 'less than there is',
    config: { memory_overcommit: 0.5 },
    field: 'memory_overcommit',
    problem: /1/,
  },
  { what: 'far more', config: { disk_overcommit: 11 }, field: 'disk_overcommit', problem: /10/ },
  { what: 'an empty tag', config: { placement_tags: [''] }, field: 'placement_tags[0]', problem: /./ },
  {
    what: 'a tag twice',
    config: { optional_placement_tags: ['a', 'a'] },
    field: 'optional_placement_tags',
    problem: /./,
  },
  {
    what: 'a tag that is required and optional',
    config: { placement_tags: ['gpu', 'ssd'], optional_placement_tags: ['ssd'] },
    field: 'optional_placement_tags',
    problem: /has ssd, which placement_tags has, too/,
  },
  {
    what: 'volumes of nowhere in particular',
    config: { volume_drivers: { nfs: { root: 'somewhere' } } },
    field: 'volume_drivers.nfs.root',
    problem: /./,
  },
  {
    what: 'no scheme',
    config: { rootfs_providers: { 'Docker:': [] } },
    field: 'rootfs_providers.Docker:',
    problem: /no scheme/,
  },
  {
    what: 'a stack without an image',
    config: { runtime: 'docker', rootfs_providers: { preloaded: ['outcry', 'other'] } },
    field: 'rootfs_providers.preloaded',
    problem: /no image in docker\.stacks for .*other/,
  },
  {
    what: 'an annotation that is no text',
    config: { annotations: { rack: 7 } },
    field: 'annotations.rack',
    problem: /./,
  },
  { what: 'no containers at all', config: { max_containers: 0 }, field: 'max_containers', problem: /1/ },
  {
    what: 'a rep url that nobody answers at',
    config: { rep_url: 'https://a:1' },
    field: 'rep_url',
    problem: /needs listen/,
  },
];

for (const { what, config, field, problem } of PROBLEMS) {
  t.test(`configuration - ${what}`, async (t) => {
    const parsed = parse(config);
    t.notOk(parsed.ok);
    t.match(parsed.ok ? [] : parsed.error, [{ field, problem }]);
  });
}

t.test('presence - all that placement and people go by', async (t) => {
  const world = createWorld();
  let value = '';
  world.runtime.abilities = () => ({ 'disk-limit': 'polled', rack: 'none' });
  const { acquireLease } = world.bbs;
  world.bbs.acquireLease = (request) => {
    value = request.value;
    return acquireLease(request);
  };
  const own = {
    zone: 'z7',
    address: '10.0.0.7',
    memory: '2G',
    memory_overcommit: 2,
    max_containers: 9,
    rootfs_providers: { preloaded: ['cflinuxfs4', 'cflinuxfs5'], oci: [] },
    volume_drivers: { nfsv3driver: { root: '/srv/nfs' } },
    placement_tags: ['gpu'],
    optional_placement_tags: ['ssd'],
    annotations: { rack: '12' },
  };
  const rep = await startRep(world, own);
  const presence = fromJson('CellPresence', JSON.parse(value));
  t.match(presence, {
    ok: true,
    value: {
      cellId: 'cell-1',
      repAddress: '10.0.0.7',
      zone: 'z7',
      capacity: { memoryMb: 4096, diskMb: 1024, containers: 9 },
      rootfsProviders: [
        { name: 'preloaded', properties: ['cflinuxfs4', 'cflinuxfs5'] },
        { name: 'oci', properties: [] },
      ],
      placementTags: ['gpu'],
      optionalPlacementTags: ['ssd'],
      repUrl: '',
      annotations: { 'disk-limit': 'polled', rack: '12' },
    },
  });
  t.match(rep.rep.cell.state(), {
    zone: 'z7',
    volumeDrivers: ['nfsv3driver'],
    placementTags: ['gpu'],
    optionalPlacementTags: ['ssd'],
    rootfsProviders: {
      preloaded: { type: 'fixed_set', set: ['cflinuxfs4', 'cflinuxfs5'] },
      oci: { type: 'arbitrary' },
    },
  });
  await rep.stop();
});
