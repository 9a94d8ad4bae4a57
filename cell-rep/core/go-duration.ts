const trimmed = (seconds: number): string => String(Math.round(seconds * 1000) / 1000);

/** A duration as Go prints it, since users and their tools know Diego's texts: `50ms`, `1.002s`, `1m0.5s`. */
export const goDuration = (ms: number): string => {
  const whole = Math.max(0, Math.round(ms));
  if (whole === 0) return '0s';
  if (whole < 1000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = trimmed((whole % 60_000) / 1000);
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
};
