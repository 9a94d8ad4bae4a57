/**
 * Egress rules, put by this machine's iptables into the network that a container has for itself: there they hold
 * whoever is asked, neighbours and this machine included, nothing in a container may change them, and they are gone
 * with it. The engine needs iptables itself, so nothing more has to be installed.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Allowance } from '../../core/egress.js';
import { egressTable } from './egress-table.js';

/** ms that a command may take */
const PATIENCE_MS = 10_000;
/** s that iptables may wait for others that are at it */
const WAIT = ['-w', '5'];
const RESTORE = { 4: 'iptables-restore', 6: 'ip6tables-restore' } as const;

/** '' = done; else why not, in one line. */
const run = (program: string, args: string[], input: string): Promise<string> =>
  new Promise((resolve) => {
    const options = { timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const;
    const child = execFile(program, args, options, (error, _, stderr) => {
      if (error === null) return resolve('');
      resolve(stderr.trim().split('\n')[0] || error.message);
    });
    child.stdin?.on('error', () => undefined); // it has ended without reading
    child.stdin?.end(input);
  });

/** One of each kind: what a kernel lacks is found out before anybody needs it. */
const SAMPLES: Allowance[] = [
  { family: 4, destination: { range: '192.0.2.1-192.0.2.9' }, protocol: 'tcp', ports: [80, 443] },
  {
    family: 4,
    destination: { network: '192.0.2.0/24' },
    protocol: 'icmp',
    ports: [],
    icmp: { type: 8, code: 0 },
  },
  {
    family: 6,
    destination: { range: '2001:db8::1-2001:db8::9' },
    protocol: 'udp',
    ports: { first: 1, last: 9 },
  },
  {
    family: 6,
    destination: { network: '2001:db8::/32' },
    protocol: 'icmpv6',
    ports: [],
    icmp: { type: 128, code: 0 },
  },
];

/** In a network that nobody has, and that is gone afterwards. */
const tryOut = (family: 4 | 6): Promise<string> =>
  run('unshare', ['--net', '--', RESTORE[family], ...WAIT], egressTable(family, SAMPLES));

/** What iptables of this machine can do for containers. */
export interface EgressAbility {
  /** why rules are not enforced; '' = they are */
  problem: string;
  ipv6: boolean;
}

export const NO_EGRESS: EgressAbility = { problem: 'not known yet', ipv6: false };

export const learnEgress = async (): Promise<EgressAbility> => {
  if (process.getuid?.() !== 0) return { problem: 'the rep is not root', ipv6: false };
  return { problem: await tryOut(4), ipv6: (await tryOut(6)) === '' };
};

/** As the cell says it. */
export const egressText = ({ problem }: EgressAbility): string =>
  problem === '' ? 'enforced' : `refused, but for those that allow everything: ${problem}`;

export interface EgressTarget {
  /** of a process in the network, as the engine numbers it */
  pid: number;
  address: string;
  /** '' = none */
  ipv6Address: string;
}

/** An engine elsewhere, or one seen through its socket alone, has other processes under these numbers. */
const isThere = async ({ pid, address }: EgressTarget): Promise<boolean> => {
  const known = await readFile(`/proc/${pid}/net/fib_trie`, 'utf8').catch(() => '');
  return address !== '' && new RegExp(`\\s${address.replaceAll('.', '\\.')}\\s`).test(known);
};

/** Throws when the rules could not be put in place. */
export const enforceEgress = async (
  target: EgressTarget,
  allowances: readonly Allowance[],
  { problem, ipv6 }: EgressAbility,
): Promise<void> => {
  const refuse = (reason: string): never => {
    throw new Error(`egress rules cannot be enforced on this cell: ${reason}`);
  };
  if (problem !== '') refuse(problem);
  if (!(await isThere(target))) refuse("the engine's processes are not seen from here");
  if (target.ipv6Address !== '' && !ipv6) refuse('its containers have IPv6, and ip6tables cannot be used');
  for (const family of ipv6 ? ([4, 6] as const) : ([4] as const)) {
    const args = [`--net=/proc/${target.pid}/ns/net`, '--', RESTORE[family], ...WAIT];
    const failed = await run('nsenter', args, egressTable(family, allowances));
    if (failed !== '') refuse(failed);
  }
};
