import t from 'tap';
import { isFresh, upsertDomain } from '../../../bbs/core/domains.js';
import { putKv } from '../../../bbs/core/kv.js';
import { acquireLease, endedLease, releaseLease, renewLease } from '../../../bbs/core/leases.js';
import type { LeaseRow } from '../../../bbs/core/decision.js';
import { isMassDisappearance } from '../../../bbs/core/presence.js';
import { crashBackoff, nextCrashCount } from '../../../bbs/core/crash-policy.js';
import { context, errorType, must, NOW, ONE, runningOn, SECOND } from '../../support/bbs.js';

const request = { name: 'auctioneer', owner: 'a', ttlMs: 15_000, value: '' };
const held: LeaseRow = { ...request, epoch: 4 };

t.test('leases - a free one is taken with the next epoch', async (t) => {
  t.same(must(acquireLease(undefined, request)).value, { held: true, epoch: 1, holder: 'a' });
  const again = must(acquireLease(endedLease(held), { ...request, owner: 'b' }));
  t.same(again.value, { held: true, epoch: 5, holder: 'b' });
});

t.test('leases - its holder renews without a write; another is told who holds it', async (t) => {
  t.same(must(acquireLease(held, request)), {
    value: { held: true, epoch: 4, holder: 'a' },
    changes: [],
    events: [],
    effects: [],
  });
  t.equal(must(acquireLease(held, { ...request, value: 'new' })).changes.length, 1);
  const other = must(acquireLease(held, { ...request, owner: 'b' }));
  t.same(other.value, { held: false, epoch: 4, holder: 'a' });
  t.same(other.changes, []);
});

t.test('leases - only that epoch of that owner is renewed', async (t) => {
  t.equal(must(renewLease(held, { ...request, epoch: 4 })).value.held, true);
  t.equal(must(renewLease(held, { ...request, epoch: 3 })).value.held, false);
  t.equal(must(renewLease(held, { ...request, owner: 'b', epoch: 4 })).value.held, false);
  t.equal(must(renewLease(endedLease(held), { ...request, epoch: 4 })).value.held, false);
  t.equal(must(renewLease(undefined, { ...request, epoch: 0 })).value.held, false);
});

t.test('leases - released by its owner only', async (t) => {
  t.equal(must(releaseLease(held, 'b')).value, false);
  t.equal(must(releaseLease(undefined, 'a')).value, false);
  t.equal(must(releaseLease(endedLease(held), '')).value, false);
  t.match(must(releaseLease(held, 'a')).changes, [{ put: { owner: '', epoch: 4 } }]);
});

t.test('leases - requests that are wrong', async (t) => {
  for (const wrong of [{ name: '' }, { name: 'a\u0000' }, { owner: '' }, { ttlMs: 0 }, { ttlMs: 1.5 }]) {
    t.equal(errorType(acquireLease(undefined, { ...request, ...wrong })), 'InvalidRequest');
  }
});

t.test('kv - compare and set', async (t) => {
  t.same(must(putKv(undefined, { key: 'k', value: 'v', version: 0 })).value, {
    key: 'k',
    value: 'v',
    version: 1,
  });
  const row = { key: 'k', value: 'v', version: 1 };
  t.same(must(putKv(row, { key: 'k', value: 'w', version: 1 })).value, { key: 'k', value: 'w', version: 2 });
  t.equal(errorType(putKv(row, { key: 'k', value: 'w', version: 0 })), 'ResourceConflict');
  t.equal(errorType(putKv(undefined, { key: 'k', value: 'w', version: 1 })), 'ResourceConflict');
  t.equal(errorType(putKv(undefined, { key: '', value: 'w', version: 0 })), 'InvalidRequest');
});

t.test('domains - fresh until the TTL is over; zero is for ever', async (t) => {
  const made = must(upsertDomain({ domain: 'apps', ttlSeconds: 10 }, context()));
  t.match(made.changes, [{ put: { name: 'apps', expiresAt: NOW + 10 * SECOND } }]);
  const row = { name: 'apps', expiresAt: NOW + 10 * SECOND, ttlSeconds: 10 };
  t.ok(isFresh(row, NOW + 9 * SECOND));
  t.notOk(isFresh(row, NOW + 10 * SECOND));
  t.notOk(isFresh(undefined, NOW));
  t.ok(isFresh({ name: 'apps', expiresAt: 0, ttlSeconds: 0 }, NOW));
  t.equal(errorType(upsertDomain({ domain: '', ttlSeconds: 0 }, context())), 'InvalidRequest');
});

t.test('presence - when cells vanish in a mass', async (t) => {
  t.notOk(isMassDisappearance(2, 3));
  t.ok(isMassDisappearance(3, 3));
  t.notOk(isMassDisappearance(30, 100));
  t.ok(isMassDisappearance(31, 100));
});

t.test('crash policy - the count starts anew after more than five minutes of running', async (t) => {
  t.equal(nextCrashCount(runningOn(ONE, { crashCount: 9, since: NOW - 300 * SECOND }), NOW), 10);
  t.equal(nextCrashCount(runningOn(ONE, { crashCount: 9, since: NOW - 301 * SECOND }), NOW), 1);
  const claimed = runningOn(ONE, { state: 'CLAIMED', crashCount: 9, since: NOW - 301 * SECOND });
  t.equal(nextCrashCount(claimed, NOW), 10);
});

t.test('crash policy - back-off', async (t) => {
  const seconds = [2, 3, 4, 5, 6, 7, 8, 9, 150].map((count) => crashBackoff(count) / SECOND);
  t.same(seconds, [0, 30, 60, 120, 240, 480, 960, 960, 960]);
});
