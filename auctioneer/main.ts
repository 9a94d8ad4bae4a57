import { createBbsClient } from '../bbs/index.js';
import type { ComponentMain } from '../common/runtime/component-process.js';
import { joinConfigs } from '../common/runtime/config.js';
import { closingMember } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { assembleAuctioneer } from './assemble.js';
import { auctioneerConfig } from './config.js';

const config = joinConfigs({
  process: processConfig('auctioneer'),
  link: bbsLinkConfig,
  auctioneer: auctioneerConfig,
});

/** The auctioneer as a process of its own. Several may run: one holds the lease, the others stand by. */
export const main: ComponentMain<ReturnType<typeof config.compile>> = {
  component: 'auctioneer',
  config,
  assemble({ link, auctioneer }, ground) {
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const { members, health } = assembleAuctioneer({ ...ground, bbs, config: auctioneer });
    return { members: [closingMember('bbs-client', bbs), ...members], health };
  },
};
