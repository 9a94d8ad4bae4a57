import { err, ok } from './result.js';
import type { Result } from './result.js';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;

/**
 * A duration in whole ms: a number is ms already, text is numbers with the units ms, s, m, h, one after
 * another as in Go ("500ms", "1.5s", "1m30s"). Not negative.
 */
export const parseDuration = (value: unknown): Result<number, string> => {
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return ok(Math.round(value));
  if (typeof value !== 'string' || !DURATION.test(value)) {
    return err('must be a duration such as "30s", "500ms" or "1m30s", or a number of milliseconds');
  }
  const parts = [...value.matchAll(DURATION_PART)];
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
  return ok(Math.round(total));
};

const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const SIZE = /^(\d+(?:\.\d+)?)([BKMGT]|[KMGT]B)$/;

/**
 * A size in whole MB, rounded down: text with a unit B, K, KB, M, MB, G, GB, T or TB in either case
 * (powers of 1024), as in Cloud Foundry manifests. At least 1 MB.
 */
export const parseMegabytes = (value: unknown): Result<number, string> => {
  const match = typeof value === 'string' ? SIZE.exec(value.trim().toUpperCase()) : null;
  if (!match) return err('must be a size with a unit, such as 64M or 1G');
  const megabytes = Math.floor((Number(match[1]) * (UNIT_BYTES[match[2]?.charAt(0) ?? ''] ?? 0)) / 2 ** 20);
  return megabytes >= 1 ? ok(megabytes) : err('must be at least 1M');
};
