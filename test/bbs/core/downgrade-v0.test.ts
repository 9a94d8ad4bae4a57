import t from 'tap';
import type { Action } from '../../../common/model/action.js';
import { desiredLrpV0 } from '../../../bbs/core/downgrade-v0.js';
import { desiredLrp } from '../../support/bbs.js';

const layer = {
  name: 'layer',
  url: 'http://x/l.tgz',
  destinationPath: '/opt',
  layerType: 'SHARED' as const,
  mediaType: 'TGZ' as const,
  digestAlgorithm: 'DigestAlgorithmInvalid' as const,
  digestValue: '',
};
const run: Action = { run: { ...desiredLrp().action!.run!, path: '/bin/true' } };

t.test(
  'downgrade - V0 has shared layers and dependencies in the setup, and timeouts in old units wherever they are',
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
    const old = desiredLrpV0(
      desiredLrp({ imageLayers: [layer], action: around(timeout(run)), startTimeoutMs: 2_999 }),
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
