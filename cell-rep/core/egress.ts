import type { SecurityGroupRule } from '../../common/model/lrp.js';

/**
 * What a container may reach (Diego's egress rules, net-out). Rules allow; what none allows is refused. Without any
 * rule, and with rules that allow all of IPv4, nothing is refused.
 */

/** As the tables of a kernel take it: a destination is an address, a network, or a range of addresses. */
export interface Allowance {
  family: 4 | 6;
  destination: { network: string } | { range: string };
  protocol: 'tcp' | 'udp' | 'icmp' | 'icmpv6' | 'all';
  /** of tcp and udp: single ports, or one range; empty = all */
  ports: number[] | { first: number; last: number };
  /** of icmp and icmpv6: -1 = any */
  icmp?: { type: number; code: number };
}

export type EgressResult = { ok: true; allowances: Allowance[] } | { ok: false; reason: string };

const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const V4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const V6 = /^(?=.*:)[0-9a-f:]{2,39}$/i;
const ALL_PORTS = { first: 1, last: 65_535 };
const LAST_V4 = 2 ** 32 - 1;

const familyOf = (address: string): 4 | 6 | undefined => {
  if (V4.test(address)) return 4;
  return V6.test(address) ? 6 : undefined;
};

/** The parts of a rule's destinations: each entry may be a list. */
const entriesOf = ({ destinations }: SecurityGroupRule): string[] =>
  destinations.flatMap((one) => one.split(',')).map((one) => one.trim());

type Destination = Pick<Allowance, 'family' | 'destination'>;

const bits = (family: 4 | 6): number => (family === 4 ? 32 : 128);

const parseDestination = (text: string): Destination | undefined => {
  const [first = '', last, ...more] = text.split('-');
  if (more.length > 0) return undefined;
  if (last !== undefined) {
    const family = familyOf(first);
    if (family === undefined || family !== familyOf(last)) return undefined;
    return { family, destination: { range: `${first}-${last}` } };
  }
  const [address = '', prefix, ...rest] = text.split('/');
  const family = familyOf(address);
  if (family === undefined || rest.length > 0) return undefined;
  if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits(family))) return undefined;
  return { family, destination: { network: text } };
};

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= ALL_PORTS.last;

const portsOf = ({ ports, portRange }: SecurityGroupRule): Allowance['ports'] | undefined => {
  if (portRange === undefined) return ports.length > 0 && ports.every(isPort) ? ports : undefined;
  const { start: first, end: last } = portRange;
  return isPort(first) && isPort(last) && first <= last ? { first, last } : undefined;
};

const isCode = (code: number): boolean => Number.isInteger(code) && code >= -1 && code <= 255;

type What = Pick<Allowance, 'protocol' | 'ports' | 'icmp'>;

const whatOf = (rule: SecurityGroupRule): What | undefined => {
  const { protocol, icmpInfo: icmp } = rule;
  if (protocol === 'all') return { protocol, ports: [] };
  if (protocol === 'tcp' || protocol === 'udp') {
    const ports = portsOf(rule);
    return ports && { protocol, ports };
  }
  if (protocol !== 'icmp' && protocol !== 'icmpv6') return undefined;
  return icmp && isCode(icmp.type) && isCode(icmp.code) ? { protocol, ports: [], icmp } : undefined;
};

/** Messages of one family's control protocol go nowhere in the other. */
const fits = ({ protocol }: What, { family }: Destination): boolean =>
  (protocol !== 'icmp' || family === 4) && (protocol !== 'icmpv6' || family === 6);

/** What the rules allow, one destination each. Refused is what could not have come through a BBS. */
export const allowancesOf = (rules: readonly SecurityGroupRule[]): EgressResult => {
  const allowances: Allowance[] = [];
  for (const rule of rules) {
    const what = whatOf(rule);
    if (what === undefined) return { ok: false, reason: `invalid egress rule: ${rule.protocol}` };
    for (const text of entriesOf(rule)) {
      const destination = parseDestination(text);
      if (destination === undefined) return { ok: false, reason: `invalid egress rule: destination ${text}` };
      if (fits(what, destination)) allowances.push({ ...what, ...destination });
    }
  }
  return { ok: true, allowances };
};

const numberOf = (address: string): number =>
  address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

/** First and last address of an IPv4 destination. */
const spanOf = ({ destination }: Allowance): [number, number] => {
  if ('range' in destination) {
    const [first = '', last = ''] = destination.range.split('-');
    return [numberOf(first), numberOf(last)];
  }
  const [address = '', prefix = '32'] = destination.network.split('/');
  const size = 2 ** (32 - Number(prefix));
  const first = Math.floor(numberOf(address) / size) * size;
  return [first, first + size - 1];
};

const coverAll = (allowances: readonly Allowance[]): boolean => {
  let next = 0;
  for (const [first, last] of allowances.map(spanOf).sort(([a], [b]) => a - b)) {
    if (first > next) return false;
    next = Math.max(next, last + 1);
  }
  return next > LAST_V4;
};

const isWhole = ({ icmp, ports, protocol }: Allowance): boolean => {
  if (protocol === 'icmp') return icmp?.type === -1;
  if (protocol === 'all') return true;
  return !Array.isArray(ports) && ports.first === ALL_PORTS.first && ports.last === ALL_PORTS.last;
};

/** What an application can speak: nobody is given the right to any other. */
const SPOKEN = ['tcp', 'udp', 'icmp'] as const;

/** Whether nothing is left that they would refuse, of IPv4. */
export const allowAll = (allowances: readonly Allowance[]): boolean => {
  const whole = allowances.filter((one) => one.family === 4 && isWhole(one));
  return SPOKEN.every((name) =>
    coverAll(whole.filter(({ protocol }) => protocol === name || protocol === 'all')),
  );
};
