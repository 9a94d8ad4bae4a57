import { join } from 'node:path';
import { createBbsClient } from '../bbs/index.js';
import { createStoreLoss } from '../common/runtime/component-process.js';
import type { ComponentMain } from '../common/runtime/component-process.js';
import { joinConfigs } from '../common/runtime/config.js';
import { closingMember } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { createDataLock } from '../common/store/data-lock-member.js';
import { createSqliteEngine } from '../common/store/sqlite-engine.js';
import { assembleApi } from './assemble.js';
import { apiConfig } from './config.js';

const config = joinConfigs({ process: processConfig('api'), link: bbsLinkConfig, api: apiConfig });

/** The API as a process of its own. It is lost when its store is: whoever starts it again reads what is true. */
export const main: ComponentMain<ReturnType<typeof config.compile>> = {
  component: 'api',
  config,
  assemble({ link, api }, ground) {
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const engine = createSqliteEngine({ dir: join(api.dataDir, 'db') });
    const { lost, onLost } = createStoreLoss('the API');
    const { members, health } = assembleApi({ ...ground, bbs, engine, onLost, config: api });
    return {
      members: [createDataLock(api.dataDir, ground), closingMember('bbs-client', bbs), ...members],
      health,
      lost,
    };
  },
};
