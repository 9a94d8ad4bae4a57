import { type Policy, weightsOf } from '../policy.js';
import type { BidForest, Frame, View } from './forest.js';
import { lookAt } from './refresh.js';

/** What of a request decides which view of the forest suits it. MB. */
export interface Viewed {
  readonly kind: 'lrp' | 'task';
  readonly memory: number;
  readonly disk: number;
}

/** Requests for so much memory. MB, both ends included. */
interface Span {
  readonly least: number;
  readonly most: number;
}

const spanOf = (amounts: Float64Array): Span => {
  let [least, most] = [Infinity, 0];
  for (const amount of amounts) {
    if (amount < least) least = amount;
    if (amount > most) most = amount;
  }
  return { least, most };
};

/** Of requests in both spans: any of them lies between the frame's three. */
const frameOf = (memory: Span, disk: Span): Frame => ({
  leastMemory: memory.least,
  leastDisk: disk.least,
  memory: Math.max(1, 2 * (memory.most - memory.least)),
  disk: Math.max(1, 2 * (disk.most - disk.least)),
});

/** When searches count as misled. */
export interface Patience {
  /** groups that a search is expected to look into */
  readonly expected: number;
  /** groups that could be looked into in the time that another view takes, per cell: twice, as it is to be given up again */
  readonly price: number;
}

const PATIENCE: Patience = { expected: 24, price: 6 };
/** A close view was worth its price when it has served so many searches, per cell. */
const WORTH = 1 / 8;

/** A close view is of requests for up to so many times the memory of the smallest. */
const NARROW = 4 / 3;

export interface ViewsOptions {
  policy: Policy;
  /** absent: as measured */
  patience?: Patience | undefined;
}

export interface Views {
  /** the forest's bounds stand for this request from now on */
  show(wanted: Viewed): void;
}

/**
 * Chooses for what work the bounds of a forest stand. As a rule for all requests of the batch of one kind. Where searches
 * are misled by it, as bounds are loose over very different cells, and cells without room score best, a close view
 * pays: of requests for this much memory or little less. The larger come first in a batch (order.ts), so that it
 * serves many searches before a request lies outside of it.
 */
export const createViews = (
  forest: BidForest,
  requests: readonly Viewed[],
  { policy, patience = PATIENCE }: ViewsOptions,
): Views => {
  const memories = Float64Array.from(requests, ({ memory }) => memory);
  const disk = spanOf(Float64Array.from(requests, (wanted) => wanted.disk));
  const whole = spanOf(memories);
  const wholeFrame = frameOf(whole, disk);
  const { count } = forest.cells;
  /** what is asked, ascending; made when it is first needed */
  let asked: Float64Array | undefined;
  let span = whole;
  let close = false;
  let served = 0;
  let seen: View | undefined;

  const closeSpan = (most: number): Span => {
    asked ??= Float64Array.from(new Set(memories)).sort();
    return { least: asked.find((amount) => NARROW * amount >= most) ?? most, most };
  };

  const look = ({ kind, memory }: Viewed): void => {
    span = close ? closeSpan(memory) : whole;
    served = 0;
    const frame = close ? frameOf(span, disk) : wholeFrame;
    seen = { kind, weights: weightsOf(policy, kind), frame };
    lookAt(forest, seen);
  };

  return {
    show(wanted) {
      served += 1;
      const outside = wanted.memory < span.least || wanted.memory > span.most;
      const misled = forest.looked > served * patience.expected + count * patience.price;
      if (seen?.kind === wanted.kind && !outside && !misled) return;
      if (outside) close = served > count * WORTH;
      else if (misled) close = true;
      look(wanted);
    },
  };
};
