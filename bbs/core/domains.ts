import type { Nanoseconds } from '../../common/model/lrp.js';
import { isName } from './text.js';
import { decided, refused } from './decision.js';
import type { Change, Context, Decided, DomainRow } from './decision.js';

/** `ttlSeconds` 0 keeps the domain fresh for ever. No event tells of it. */
export const upsertDomain = (
  { domain, ttlSeconds }: { domain: string; ttlSeconds: number },
  ctx: Context,
): Decided => {
  if (!isName(domain)) return refused('InvalidRequest', 'Invalid field: domain');
  const expiresAt = ttlSeconds === 0 ? 0 : ctx.now + ttlSeconds * 1e9;
  return decided(undefined, { changes: [{ table: 'domains', put: { name: domain, expiresAt } }] });
};

export const isFresh = (row: DomainRow | undefined, now: Nanoseconds): boolean =>
  row !== undefined && (row.expiresAt === 0 || now < row.expiresAt);

/** Convergence's first duty. */
export const pruneDomains = (rows: Iterable<DomainRow>, now: Nanoseconds): Change[] => {
  const changes: Change[] = [];
  for (const row of rows) if (!isFresh(row, now)) changes.push({ table: 'domains', remove: row });
  return changes;
};
