/**
 * What the engine makes of shares. On a machine with cgroup 2 its OCI runtime turns them into weights, by a rule that
 * was changed: in step with them before runc 1.3.2, along a curve since. Parts of a core are to stay in proportion.
 */

/** shares: the kernel takes them as they are · weights: in step with them · curve: the other rule */
export type CpuScale = 'shares' | 'weights' | 'curve';

/** the kernel's bounds */
const LEAST_SHARES = 2;
const MOST_SHARES = 262_144;
const MOST_WEIGHT = 10_000;

/**
 * Of a whole core, among those that asked for so much of one: fine enough for thousandths, with room for four, and far
 * more than what asked for nothing has.
 */
const CORE_SHARES = MOST_SHARES / 4;
const CORE_WEIGHT = MOST_WEIGHT / 4;

export const boundedShares = (shares: number): number =>
  Math.min(MOST_SHARES, Math.max(LEAST_SHARES, Math.round(shares)));

const inStep = (weight: number): number =>
  Math.ceil(((weight - 1) * (MOST_SHARES - LEAST_SHARES)) / (MOST_WEIGHT - 1)) + LEAST_SHARES;

/** The rule is weight = 10 ^ ((l² + 125 l) / 612 - 7 / 34), rounded up, where l is the binary logarithm of shares. */
const alongCurve = (weight: number): number => {
  const exponent = Math.log10(weight) + 7 / 34;
  const log = (Math.sqrt(125 ** 2 + 4 * 612 * exponent) - 125) / 2;
  return Math.floor(2 ** log);
};

/** The shares that come to so many thousandths of a core. */
export const sharesOfCores = (milli: number, scale: CpuScale): number => {
  if (scale === 'shares') return boundedShares((CORE_SHARES * milli) / 1000);
  const weight = Math.min(MOST_WEIGHT, Math.max(1, Math.round((CORE_WEIGHT * milli) / 1000)));
  return boundedShares(scale === 'weights' ? inStep(weight) : alongCurve(weight));
};

const CURVED_SINCE = [1, 3, 2];

const isAtLeast = (version: string, least: readonly number[]): boolean => {
  const parts = version
    .replace(/^v/, '')
    .split(/[.+~-]/)
    .map(Number);
  const differs = least.findIndex((part, at) => part !== (parts[at] ?? 0));
  return differs === -1 || (parts[differs] ?? 0) > (least[differs] ?? 0);
};

/** By what the engine says of itself; an OCI runtime that is not runc is taken for an old one. */
export const cpuScaleOf = (
  info: { CgroupVersion?: string; DefaultRuntime?: string },
  { Components = [] }: { Components?: { Name: string; Version: string }[] },
): CpuScale => {
  if (info.CgroupVersion !== '2') return 'shares';
  const runc = Components.find(({ Name }) => Name === 'runc')?.Version ?? '0';
  return info.DefaultRuntime === 'runc' && isAtLeast(runc, CURVED_SINCE) ? 'curve' : 'weights';
};
