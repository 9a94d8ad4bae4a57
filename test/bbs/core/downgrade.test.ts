import t from 'tap';
import { desiredLrpV2, taskV2 } from '../../../bbs/core/downgrade.js';
import type { ImageLayer } from '../../../common/model/lrp.js';
import { fromJson } from '../../../common/wire/codec.js';
import { desiredLrp, must, task } from '../../support/bbs.js';

const layers = (...list: object[]): ImageLayer[] =>
  must(fromJson('TaskDefinition', { image_layers: list })).imageLayers;

const shared = { url: 'http://s', destination_path: '/s', layer_type: 'SHARED', media_type: 'TGZ' };
const digest = { digest_algorithm: 'SHA256', digest_value: 'abc' };
const exclusive = {
  ...shared,
  ...digest,
  name: 'x',
  url: 'http://x',
  destination_path: '/x',
  layer_type: 'EXCLUSIVE',
};

const old = must(
  fromJson('TaskDefinition', { cached_dependencies: [{ name: 'old', from: 'f', to: 't', cache_key: 'k' }] }),
).cachedDependencies;

t.test('downgrade - shared layers become cached dependencies, before those there are', async (t) => {
  const lrp = desiredLrp({ imageLayers: layers(shared, { ...shared, ...digest }), cachedDependencies: old });
  const before = structuredClone(lrp);
  const { imageLayers, cachedDependencies, ...rest } = desiredLrpV2(lrp);
  t.same(imageLayers, []);
  const blank = { name: '', from: 'http://s', to: '/s', logSource: '' };
  t.same(cachedDependencies, [
    { ...blank, cacheKey: 'http://s', checksumAlgorithm: '', checksumValue: '' },
    { ...blank, cacheKey: 'sha256:abc', checksumAlgorithm: 'sha256', checksumValue: 'abc' },
    ...old,
  ]);
  t.match(rest, { setup: undefined, action: before.action });
  t.same(lrp, before, 'what is stored is not touched');
});

const download = {
  artifact: 'x',
  from: 'http://x',
  to: '/x',
  cacheKey: 'sha256:abc',
  logSource: '',
  user: 'vcap',
  checksumAlgorithm: 'sha256',
  checksumValue: 'abc',
};
const downloads = { parallel: { actions: [{ download }, { download }], logSource: '' } };

t.test('downgrade - exclusive layers become downloads before the setup of an LRP', async (t) => {
  const layered = { imageLayers: layers(exclusive, exclusive), legacyDownloadUser: 'vcap' };
  t.same(desiredLrpV2(desiredLrp(layered)).setup, downloads);
  const setup = { try: { logSource: 'mine' } };
  t.same(desiredLrpV2(desiredLrp({ ...layered, setup })).setup, {
    serial: { actions: [downloads, setup], logSource: '' },
  });
  t.same(desiredLrpV2(desiredLrp(layered)).cachedDependencies, []);
});

t.test('downgrade - exclusive layers become downloads before the action of a task', async (t) => {
  const wanted = task({ imageLayers: layers(shared, exclusive, exclusive), legacyDownloadUser: 'vcap' });
  const { action, cachedDependencies, imageLayers } = taskV2(wanted);
  t.same(action, { serial: { actions: [downloads, wanted.action], logSource: '' } });
  t.equal(cachedDependencies.length, 1);
  t.same(imageLayers, []);
});

t.test('downgrade - what has no image layers is as it was', async (t) => {
  const [lrp, wanted] = [desiredLrp({ cachedDependencies: old }), task()];
  t.equal(desiredLrpV2(lrp), lrp);
  t.equal(taskV2(wanted), wanted);
});
