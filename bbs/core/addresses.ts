const OCTET = '(0|[1-9]\\d{0,2})';
const QUAD = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** An IPv4 address as a number; undefined when it is none. */
const ipv4Value = (text: string): number | undefined => {
  const octets = QUAD.exec(text);
  if (!octets) return undefined;
  let value = 0;
  for (let at = 1; at <= 4; at += 1) {
    const octet = Number(octets[at]);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
};

const isIpv4 = (text: string): boolean => ipv4Value(text) !== undefined;

/** How many 16-bit groups a colon-separated run stands for; undefined when it is none. */
const groups = (run: string, mayEndInIpv4: boolean): number | undefined => {
  if (run === '') return 0;
  const parts = run.split(':');
  const last = parts[parts.length - 1] ?? '';
  const embedded = mayEndInIpv4 && isIpv4(last);
  const plain = embedded ? parts.slice(0, -1) : parts;
  return plain.every((part) => GROUP.test(part)) ? plain.length + (embedded ? 2 : 0) : undefined;
};

const isIpv6 = (text: string): boolean => {
  const halves = text.split('::');
  if (halves.length > 2 || !text.includes(':')) return false;
  const [head = '', tail] = halves;
  const before = groups(head, tail === undefined);
  const after = groups(tail ?? '', true);
  if (before === undefined || after === undefined) return false;
  return tail === undefined ? before === 8 : before + after < 8;
};

export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);

export const isCidr = (text: string): boolean => {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return (isIpv4(address) && Number(bits) <= 32) || (isIpv6(address) && Number(bits) <= 128);
};

/** The values of a run's groups; an IPv4 address at its end is two of them. */
const valuesOf = (run: string): number[] => {
  if (run === '') return [];
  return run.split(':').flatMap((part) => {
    if (!part.includes('.')) return [parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
};

/** An address as eight groups; IPv4 lies at ::ffff:0:0. */
const eightGroups = (ip: string): number[] => {
  if (!ip.includes(':')) return eightGroups(`::ffff:${ip}`);
  const [head = '', tail = ''] = ip.split('::');
  const [before, after] = [valuesOf(head), valuesOf(tail)];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
};

/** Two addresses of which the first is not beyond the last. */
export const isIpRange = (first: string, last: string): boolean => {
  const [low, high] = [ipv4Value(first), ipv4Value(last)];
  // what nearly all ranges are, and a desired LRP may have many of
  if (low !== undefined && high !== undefined) return low <= high;
  if (!isIp(first) || !isIp(last)) return false;
  const [from, to] = [eightGroups(first), eightGroups(last)];
  const at = from.findIndex((value, index) => value !== to[index]);
  return at < 0 || (from[at] ?? 0) < (to[at] ?? 0);
};
