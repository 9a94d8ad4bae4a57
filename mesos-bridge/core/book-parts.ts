import type { Placements } from '../../common/model/placements.js';
import type { Bids } from './bids.js';
import type { BoundedMap } from './bounded-map.js';
import type { Place } from './constraints.js';
import type { ExecutorBook } from './executors.js';
import type { OfferBook } from './offer-book.js';
import type { Refusals } from './refusals.js';
import type { TaskBook } from './tasks.js';

/** The books that make one, and what they share. */
export interface BookParts {
  readonly offers: OfferBook;
  readonly executors: ExecutorBook;
  readonly tasks: TaskBook;
  readonly bids: Bids;
  /** the qualities of agents, as their latest offers told them */
  readonly places: BoundedMap<Place>;
  readonly placements: Placements;
  readonly refusals: Refusals;
  /** tells the executor how many tasks it has */
  readonly count: (executorId: string, now: number) => void;
}
