import { createBbsClient } from '../bbs/index.js';
import type { Logger } from '../common/ports/logger.js';
import type { ComponentMain } from '../common/runtime/component-process.js';
import { joinConfigs } from '../common/runtime/config.js';
import { closingMember } from '../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../common/runtime/process-config.js';
import { assembleAuctioneer } from './assemble.js';
import { type AuctioneerConfig, auctioneerConfig } from './config.js';
import type { Scorer } from './core/scorer.js';
import { loadScorer } from './policy-module.js';

const config = joinConfigs({
  process: processConfig('auctioneer'),
  link: bbsLinkConfig,
  auctioneer: auctioneerConfig,
});

const scorerOf = async ({ policyModule }: AuctioneerConfig, logger: Logger): Promise<Scorer | undefined> =>
  policyModule === undefined
    ? undefined
    : loadScorer(policyModule, (reason) => logger.warn('policy-threw', { path: policyModule, reason }));

/** The auctioneer as a process of its own. Several may run: one holds the lease, the others stand by. */
export const main: ComponentMain<ReturnType<typeof config.compile>> = {
  component: 'auctioneer',
  config,
  async assemble({ link, auctioneer }, ground) {
    const scorer = await scorerOf(auctioneer, ground.logger);
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const { members, health } = assembleAuctioneer({ ...ground, bbs, scorer, config: auctioneer });
    return { members: [closingMember('bbs-client', bbs), ...members], health };
  },
};
