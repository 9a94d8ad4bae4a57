import { joinConfigs } from '../common/runtime/config.js';
import { dataDirConfig, processConfig } from '../common/runtime/process-config.js';
import { bbsConfig } from './config.js';

/** All that the configuration file of a BBS says that is a process of its own. */
export const bbsProcessConfig = joinConfigs({
  process: processConfig('bbs'),
  store: dataDirConfig,
  bbs: bbsConfig,
});

export type BbsProcessConfig = ReturnType<typeof bbsProcessConfig.compile>;
