import t from 'tap';
import type { Action } from '../../../common/model/action.js';
import { desiredLrpToV0, desiredLrpToV2, taskToV2 } from '../../../bbs/protocol/versions.js';
import { desiredLrp, task } from '../../support/bbs.js';

const layer = (overrides: object = {}) => ({
  name: 'layer',
  url: 'http://x/l.tgz',
  destinationPath: '/opt',
  layerType: 'SHARED' as const,
  mediaType: 'TGZ' as const,
  digestAlgorithm: 'DigestAlgorithmInvalid' as const,
  digestValue: '',
  ...overrides,
});
const exclusive = layer({ layerType: 'EXCLUSIVE', digestAlgorithm: 'SHA512', digestValue: 'abc' });
const run: Action = { run: { ...desiredLrp().action!.run!, path: '/bin/true' } };
const download = {
  artifact: 'layer',
  from: 'http://x/l.tgz',
  to: '/opt',
  cacheKey: 'sha512:abc',
  logSource: '',
  user: 'vcap',
  checksumAlgorithm: 'sha512',
  checksumValue: 'abc',
};
const downloads = { parallel: { actions: [{ download }], logSource: '' } };

t.test('versions - what has no layers is the same in V2', async (t) => {
  const [lrp, work] = [desiredLrp(), task()];
  t.equal(desiredLrpToV2(lrp), lrp);
  t.equal(taskToV2(work), work);
});

t.test('versions - layers that no two share are downloaded before everything else', async (t) => {
  const lrp = desiredLrp({ imageLayers: [exclusive], legacyDownloadUser: 'vcap' });
  t.same(desiredLrpToV2(lrp).setup, downloads, 'alone where there is no setup');
  t.same(desiredLrpToV2({ ...lrp, setup: run }).setup, {
    serial: { actions: [downloads, run], logSource: '' },
  });
  const work = task({ imageLayers: [exclusive], legacyDownloadUser: 'vcap', action: run });
  t.same(taskToV2(work).action, { serial: { actions: [downloads, run], logSource: '' } });
});

t.test(
  'versions - V0 has shared layers and dependencies in the setup, and timeouts in old units wherever they are',
  async (t) => {
    const timeout = (action: Action): Action => ({ timeout: { action, timeoutMs: 1_500, logSource: '' } });
    const around = (action: Action): Action => ({
      serial: {
        actions: [
          { try: { action, logSource: '' } },
          {
            emitProgress: {
              action,
              startMessage: '',
              successMessage: '',
              failureMessagePrefix: '',
              logSource: '',
            },
          },
          { codependent: { actions: [action], logSource: '' } },
          { parallel: { actions: [timeout(action)], logSource: '' } },
        ],
        logSource: '',
      },
    });
    const old = desiredLrpToV0(
      desiredLrp({ imageLayers: [layer()], action: around(timeout(run)), startTimeoutMs: 2_999 }),
    );
    t.match(old, { deprecatedStartTimeoutS: 2, imageLayers: [], cachedDependencies: [] });
    t.match(old.setup, {
      serial: { actions: [{ parallel: { actions: [{ download: { cacheKey: 'http://x/l.tgz' } }] } }] },
    });
    t.equal(old.setup!.serial!.actions.length, 1);
    const told = JSON.stringify(old.action).match(/"deprecatedTimeoutNs":1500000000/g);
    t.equal(told?.length, 5, 'all of them');
    t.equal(JSON.stringify(old.action).match(/"timeoutMs":1500/g)?.length, 5);
  },
);
