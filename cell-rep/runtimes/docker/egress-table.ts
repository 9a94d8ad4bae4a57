/** A container's egress rules as the kernel's tables take them, in the form of `iptables-restore`. */
import type { Allowance } from '../../core/egress.js';

/** ports of one `multiport` */
const MOST_PORTS = 15;

const destinationOf = ({ destination }: Allowance): string =>
  'range' in destination ? `-m iprange --dst-range ${destination.range}` : `-d ${destination.network}`;

const chunks = (ports: readonly number[]): number[][] =>
  ports.length <= MOST_PORTS
    ? [[...ports]]
    : [ports.slice(0, MOST_PORTS), ...chunks(ports.slice(MOST_PORTS))];

const icmpType = ({ type, code }: { type: number; code: number }): string =>
  code === -1 ? String(type) : `${type}/${code}`;

const protocolsOf = ({ icmp, ports, protocol }: Allowance): string[] => {
  if (protocol === 'all') return [''];
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    const type = icmp === undefined || icmp.type === -1 ? '' : ` --${protocol}-type ${icmpType(icmp)}`;
    return [`-p ${protocol}${type}`];
  }
  if (!Array.isArray(ports)) return [`-p ${protocol} --dport ${ports.first}:${ports.last}`];
  return chunks(ports).map((some) => `-p ${protocol} -m multiport --dports ${some.join(',')}`);
};

/** Answers to whoever came in, and what stays inside, are no egress. */
const ALWAYS = ['-o lo -j ACCEPT', '-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT'];

/** Neighbours of IPv6 are found by messages, without which nothing is reached. */
const NEIGHBOURS = ['133', '134', '135', '136'].map((type) => `-p icmpv6 --icmpv6-type ${type} -j ACCEPT`);

/** The whole table of a family: what was there goes. */
export const egressTable = (family: 4 | 6, allowances: readonly Allowance[]): string => {
  const own = allowances.filter((one) => one.family === family);
  const rules = own.flatMap((one) =>
    protocolsOf(one).map((protocol) => `${destinationOf(one)} ${protocol} -j ACCEPT`),
  );
  const all = [...ALWAYS, ...(family === 6 ? NEIGHBOURS : []), ...rules, '-j REJECT'];
  return ['*filter', ...all.map((rule) => `-A OUTPUT ${rule}`), 'COMMIT', ''].join('\n');
};
