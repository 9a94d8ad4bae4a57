import type { Nanoseconds } from '../../common/model/lrp.js';
import { isName } from './text.js';
import { decided, refused } from './decision.js';
import type { Change, Context, Decided, DomainRow } from './decision.js';

const NS_PER_S = 1e9;

/** `ttlSeconds` 0 keeps the domain fresh for ever. No event tells of it. */
export const upsertDomain = (
  { domain, ttlSeconds }: { domain: string; ttlSeconds: number },
  ctx: Context,
): Decided => {
  if (!isName(domain)) return refused('InvalidRequest', 'Invalid field: domain');
  const expiresAt = ttlSeconds === 0 ? 0 : ctx.steadyNow + ttlSeconds * NS_PER_S;
  return decided(undefined, {
    changes: [{ table: 'domains', put: { name: domain, expiresAt, ttlSeconds } }],
  });
};

/** `now` is steady, here and below. */
export const isFresh = (row: DomainRow | undefined, now: Nanoseconds): boolean =>
  row !== undefined && (row.expiresAt === 0 || now < row.expiresAt);

/** Convergence's first duty. */
export const pruneDomains = (rows: Iterable<DomainRow>, now: Nanoseconds): Change[] => {
  const changes: Change[] = [];
  for (const row of rows) if (!isFresh(row, now)) changes.push({ table: 'domains', remove: row });
  return changes;
};

/** For rows of an earlier life, whose clock may have been ahead: none stays fresh for longer than its TTL from now. */
export const clampDomains = (rows: Iterable<DomainRow>, now: Nanoseconds): Change[] => {
  const changes: Change[] = [];
  for (const row of rows) {
    const latest = now + row.ttlSeconds * NS_PER_S;
    if (row.expiresAt > latest) changes.push({ table: 'domains', put: { ...row, expiresAt: latest } });
  }
  return changes;
};
