/** Kernel parameters that work asks for. Diego has none: here they are among the properties of its network. */

/** `sysctl.net.core.somaxconn` */
const PREFIX = 'sysctl.';
const NAME = /^[a-z0-9_]+(\.[a-z0-9_-]+)+$/;
const VALUE = /^[\w .:-]{1,100}$/;

export const sysctlsOf = (
  network: { properties: Record<string, string> } | undefined,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(network?.properties ?? {})
      .filter(([key]) => key.startsWith(PREFIX))
      .map(([key, value]) => [key.slice(PREFIX.length), value]),
  );

const matches = (name: string, pattern: string): boolean =>
  pattern.endsWith('.*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** `allowed`: names, or beginnings as `net.ipv4.*`; '' = nothing is wrong */
export const sysctlProblem = (asked: Record<string, string>, allowed: readonly string[]): string => {
  for (const [name, value] of Object.entries(asked)) {
    if (!NAME.test(name)) return `sysctl ${name}: no such name`;
    if (!allowed.some((pattern) => matches(name, pattern)))
      return `sysctl ${name} is not allowed on this cell`;
    if (!VALUE.test(value)) return `sysctl ${name}: bad value`;
  }
  return '';
};
