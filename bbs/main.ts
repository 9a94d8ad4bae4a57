import { join } from 'node:path';
import { createStoreLoss } from '../common/runtime/component-process.js';
import type { ComponentMain } from '../common/runtime/component-process.js';
import { createDataLock } from '../common/store/data-lock-member.js';
import { createSqliteEngine } from '../common/store/sqlite-engine.js';
import { assembleBbs } from './assemble.js';
import { bbsProcessConfig } from './process-config.js';
import type { BbsProcessConfig } from './process-config.js';

/** The BBS as a process of its own. It is lost when its store is: whoever starts it again reads what is true. */
export const main: ComponentMain<BbsProcessConfig> = {
  component: 'bbs',
  config: bbsProcessConfig,
  assemble({ store, bbs }, ground) {
    const { lost, onLost } = createStoreLoss('the BBS');
    const { members, health } = assembleBbs({
      ...ground,
      engine: createSqliteEngine({ dir: join(store.dataDir, 'db') }),
      onLost,
      config: bbs,
    });
    return { members: [createDataLock(store.dataDir, ground), ...members], health, lost };
  },
};
