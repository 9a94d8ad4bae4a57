import type { ComponentMain } from '../common/runtime/component-process.js';
import { joinConfigs } from '../common/runtime/config.js';
import { processConfig } from '../common/runtime/process-config.js';
import { assembleRouter } from './assemble.js';
import { routerConfig } from './config.js';

const config = joinConfigs({ process: processConfig('router'), router: routerConfig });

/** The router as a process of its own. */
export const main: ComponentMain<ReturnType<typeof config.compile>> = {
  component: 'router',
  config,
  assemble: ({ router }, ground) => assembleRouter({ ...ground, config: router }),
};
