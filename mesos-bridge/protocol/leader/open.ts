import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { Random } from '../../../common/ports/random.js';
import type { MastersAddress } from './address.js';
import { listOfMasters } from './masters.js';
import type { Masters } from './masters.js';
import { zookeeperMasters } from './zookeeper-masters.js';

export interface OpenMastersOptions {
  /** whether masters are spoken to over TLS, and so by the names in their certificates */
  overTls: boolean;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** The masters of an address, as `parseMasters` reads it. */
export const openMasters = (address: MastersAddress, options: OpenMastersOptions): Masters =>
  address.is === 'list'
    ? listOfMasters(address.masters)
    : zookeeperMasters({ ...options, address, byName: options.overTls });
