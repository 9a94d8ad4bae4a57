/** ms of each unit in which Mesos writes durations, the longest first. */
export const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['weeks', 604_800_000],
  ['days', 86_400_000],
  ['hrs', 3_600_000],
  ['mins', 60_000],
  ['secs', 1_000],
  ['ms', 1],
  ['us', 1e-3],
  ['ns', 1e-6],
];

const MS = new Map(UNITS);

/** `15mins`, `2.5secs` in ms; undefined: it is none. */
export const parseDuration = (text: string): number | undefined => {
  const [, number = '', unit = ''] = /^(-?\d+(?:\.\d+)?)([a-z]+)$/.exec(text.trim()) ?? [];
  const ms = MS.get(unit);
  return ms === undefined ? undefined : Number(number) * ms;
};

/** In the longest unit of which it is a whole number: `15mins`. */
export const formatDuration = (ms: number): string => {
  for (const [unit, size] of UNITS) {
    const amount = ms / size;
    if (amount !== 0 && Number.isInteger(amount)) return `${amount}${unit}`;
  }
  return ms === 0 ? '0ns' : `${ms}ms`;
};
