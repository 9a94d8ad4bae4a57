import t from 'tap';
import {
  IN_FLIGHT_LIMIT,
  NO_CELLS,
  NO_SCORE,
  insufficientText,
  mismatchText,
} from '../../../auctioneer/core/constraints.js';
import { UNSEEN } from '../../../auctioneer/core/outcomes.js';
import { reasonKind, reasonRank } from '../../../auctioneer/core/reasons.js';

const wants = (placementTags: string[]) => ({ rootfs: 'preloaded:x', volumeDrivers: [], placementTags });

t.test('reasons - every text that an auction or a cell gives has its kind', async (t) => {
  for (const [reason, kind] of [
    [NO_CELLS, 'no_cells'],
    [mismatchText('rootfs', wants([])), 'rootfs'],
    [mismatchText('volume-drivers', wants([])), 'volume_drivers'],
    [mismatchText('placement-tags', wants([])), 'placement_tags'],
    [mismatchText('placement-tags', wants(['a', 'b'])), 'placement_tags'],
    [NO_SCORE, 'policy'],
    [insufficientText([]), 'resources'],
    [insufficientText(['memory', 'disk']), 'resources'],
    [IN_FLIGHT_LIMIT, 'in_flight_limit'],
    ['work has expired', 'expired'],
    ['work is for another incarnation of this cell', 'incarnation'],
    ['cell is evacuating', 'evacuating'],
    [UNSEEN, 'unseen'],
    ['no reason that is known', 'other'],
  ] as const)
    t.equal(reasonKind(reason), kind, reason);
});

t.test('reasons - the further the best cell got, the higher', async (t) => {
  const texts = [
    NO_CELLS,
    mismatchText('rootfs', wants([])),
    mismatchText('volume-drivers', wants([])),
    mismatchText('placement-tags', wants(['a'])),
    insufficientText(['memory']),
  ];
  const ranks = texts.map(reasonRank);
  t.same(
    ranks,
    [...ranks].sort((a, b) => a - b),
  );
  t.equal(new Set(ranks).size, ranks.length);
});
