/** Egress rules: what they come to, when they come to nothing, and what no rule may become. */
import fc from 'fast-check';
import t from 'tap';
import type { SecurityGroupRule } from '../../common/model/lrp.js';
import { allowAll, allowancesOf } from '../../cell-rep/core/egress.js';
import type { Allowance } from '../../cell-rep/core/egress.js';
import { sysctlProblem, sysctlsOf } from '../../cell-rep/core/sysctls.js';
import { planLrp } from '../../cell-rep/core/run-plan.js';
import { egressTable } from '../../cell-rep/runtimes/docker/egress-table.js';
import { desiredLrp, lrpIdentity } from '../support/lrps.js';
import { openRuntime, makeRoot, removeRoot } from '../support/process-runtime.js';
import { containerSpec } from '../contract/container-runtime.js';

const rule = (over: Partial<SecurityGroupRule>): SecurityGroupRule => ({
  protocol: 'all',
  destinations: ['0.0.0.0/0'],
  ports: [],
  log: false,
  annotations: [],
  ...over,
});

const table = (family: 4 | 6, ...rules: SecurityGroupRule[]): string[] => {
  const found = allowancesOf(rules);
  if (!found.ok) throw new Error(found.reason);
  const lines = egressTable(family, found.allowances).split('\n');
  return lines.filter((line) => line.endsWith('ACCEPT')).slice(family === 4 ? 2 : 6);
};

t.test('egress - rules as the kernel’s table has them', async (t) => {
  t.same(
    table(4, rule({ protocol: 'tcp', ports: [443, 80], destinations: ['10.0.0.0/8,1.2.3.4', 'fd00::/8'] })),
    [
      '-A OUTPUT -d 10.0.0.0/8 -p tcp -m multiport --dports 443,80 -j ACCEPT',
      '-A OUTPUT -d 1.2.3.4 -p tcp -m multiport --dports 443,80 -j ACCEPT',
    ],
  );
  t.same(
    table(
      6,
      rule({ protocol: 'udp', portRange: { start: 53, end: 54 }, destinations: ['fd00::/8', '1.1.1.1'] }),
    ),
    ['-A OUTPUT -d fd00::/8 -p udp --dport 53:54 -j ACCEPT'],
  );
  t.same(table(4, rule({ destinations: ['10.0.0.1-10.0.0.9'] })), [
    '-A OUTPUT -m iprange --dst-range 10.0.0.1-10.0.0.9  -j ACCEPT',
  ]);
  t.same(
    table(
      4,
      rule({ protocol: 'icmp', icmpInfo: { type: 8, code: 0 }, destinations: ['1.1.1.1', 'fd00::1'] }),
    ),
    ['-A OUTPUT -d 1.1.1.1 -p icmp --icmp-type 8/0 -j ACCEPT'],
  );
  t.same(table(6, rule({ protocol: 'icmpv6', icmpInfo: { type: -1, code: -1 }, destinations: ['::/0'] })), [
    '-A OUTPUT -d ::/0 -p icmpv6 -j ACCEPT',
  ]);
  const many = Array.from({ length: 17 }, (_, i) => i + 1);
  t.equal(
    table(4, rule({ protocol: 'tcp', ports: many })).length,
    2,
    'a rule of the kernel’s takes 15 ports',
  );
});

const ALL: SecurityGroupRule[][] = [
  [rule({})],
  [rule({ destinations: ['0.0.0.0-255.255.255.255'] })],
  [rule({ destinations: ['128.0.0.0/1', '0.0.0.0-100.0.0.0,100.0.0.1-127.255.255.255'] })],
  [rule({ destinations: ['10.0.0.0/8'] }), rule({})],
  [
    rule({ protocol: 'tcp', portRange: { start: 1, end: 65_535 } }),
    rule({ protocol: 'udp', portRange: { start: 1, end: 65_535 } }),
    rule({ protocol: 'icmp', icmpInfo: { type: -1, code: -1 } }),
  ],
];
const SOME: SecurityGroupRule[][] = [
  [rule({ destinations: ['0.0.0.0/1'] })],
  [rule({ destinations: ['::/0'] })],
  [rule({ destinations: ['0.0.0.0-255.255.255.254'] })],
  [rule({ destinations: ['0.0.0.0-9.0.0.0', '9.0.0.2-255.255.255.255'] })],
  [rule({ protocol: 'tcp', portRange: { start: 1, end: 65_535 } })],
  [rule({ protocol: 'tcp', portRange: { start: 2, end: 65_535 } }), ...(ALL[4] ?? []).slice(1)],
];

t.test('egress - what allows everything is no restriction, and no rule at all neither', async (t) => {
  const restricts = (rules: SecurityGroupRule[]): boolean => {
    const planned = planLrp(desiredLrp({ egressRules: rules }), lrpIdentity());
    if (!planned.ok) throw new Error(planned.reason);
    return planned.plan.spec.egress !== undefined;
  };
  t.notOk(restricts([]));
  for (const rules of ALL) t.notOk(restricts(rules), JSON.stringify(rules));
  for (const rules of SOME) t.ok(restricts(rules), JSON.stringify(rules));
});

const octet = fc.integer({ min: 0, max: 255 });
const network = fc
  .tuple(octet, octet, octet, octet, fc.integer({ min: 0, max: 32 }))
  .map(([a, b, c, d, prefix]) => `${a}.${b}.${c}.${d}/${prefix}`);

const numberOf = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const isIn = (address: number, text: string): boolean => {
  const [base = '', prefix] = text.split('/');
  const size = 2 ** (32 - Number(prefix));
  return Math.floor(address / size) === Math.floor(numberOf(base) / size);
};

t.test('egress - whoever is said to allow all does allow each address', async (t) => {
  const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(
      fc.array(network, { minLength: 1 }),
      fc.array(address, { minLength: 20 }),
      (networks, some) => {
        const found = allowancesOf([rule({ destinations: networks })]);
        if (!found.ok) throw new Error(found.reason);
        const missed = some.some((one) => !networks.some((text) => isIn(one, text)));
        t.notOk(missed && allowAll(found.allowances));
      },
    ),
  );
});

t.test('egress - nothing gets into a table that is no address, whatever the rule says', async (t) => {
  const bad = [
    '',
    ' ',
    '1.2.3',
    '1.2.3.4/33',
    '1.2.3.4-',
    '1.2.3.4-fd00::1',
    '1.2.3.4 -j ACCEPT',
    '1.1.1.1\n-A',
    'x',
    '0.0.0.0/-1',
    '::/129',
    '1.1.1.1-2.2.2.2-3.3.3.3',
    '1.2.3.256',
    '10.0.0.0/8/8',
  ];
  for (const one of bad) {
    t.same(allowancesOf([rule({ destinations: [one] })]), {
      ok: false,
      reason: `invalid egress rule: destination ${one.trim()}`,
    });
  }
  for (const over of [
    { protocol: 'sctp' },
    { protocol: 'tcp' },
    { protocol: 'tcp', ports: [0] },
    { protocol: 'udp', portRange: { start: 9, end: 8 } },
    { protocol: 'icmp' },
    { protocol: 'icmp', icmpInfo: { type: 256, code: 0 } },
  ]) {
    t.notOk(allowancesOf([rule(over)]).ok, JSON.stringify(over));
  }
  const line = /^-A OUTPUT (-d [0-9a-f.:/]+|-m iprange --dst-range [0-9a-f.:-]+) {2}-j ACCEPT$/i;
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.:/-,\n a') })),
      (text) => {
        const found = allowancesOf([rule({ destinations: [text] })]);
        if (!found.ok) return;
        for (const family of [4, 6] as const)
          for (const one of table(family, rule({ destinations: [text] }))) t.match(one, line);
      },
    ),
  );
});

t.test('sysctls - asked for among the properties of the network, allowed by name or beginning', async (t) => {
  const properties = { 'sysctl.net.core.somaxconn': '1024', policy_group_id: 'x' };
  t.same(sysctlsOf({ properties }), { 'net.core.somaxconn': '1024' });
  t.same(sysctlsOf(undefined), {});
  const planned = planLrp(desiredLrp({ network: { properties } }), lrpIdentity());
  t.match(planned, { ok: true, plan: { spec: { sysctls: { 'net.core.somaxconn': '1024' } } } });
  const problem = (name: string, value: string, ...allowed: string[]) =>
    sysctlProblem({ [name]: value }, allowed);
  t.equal(problem('net.core.somaxconn', '1024', 'net.core.somaxconn'), '');
  t.equal(problem('net.ipv4.tcp_rmem', '4096 1 2', 'net.ipv4.*'), '');
  t.equal(
    problem('net.core.somaxconn', '1', 'net.ipv4.*', 'net'),
    'sysctl net.core.somaxconn is not allowed on this cell',
  );
  t.equal(problem('net.ipv4', '1', 'net.ipv4.*'), 'sysctl net.ipv4 is not allowed on this cell');
  t.match(problem('net.ipv4.x', '1\n2', 'net.ipv4.*'), /bad value/);
  t.match(problem('net/ipv4', '1', 'net/ipv4'), /no such name/);
});

t.test('process runtime - refuses what takes more than processes', async (t) => {
  const root = await makeRoot();
  t.teardown(() => removeRoot(root));
  const runtime = openRuntime(root);
  await runtime.start();
  t.teardown(() => runtime.stop());
  const egress: Allowance[] = [
    { family: 4, destination: { network: '10.0.0.0/8' }, protocol: 'all', ports: [] },
  ];
  const mounts = [{ source: '/srv', target: '/data', readOnly: true }];
  for (const [more, reason] of [
    [{ egress }, /^egress rules cannot be enforced on this cell/],
    [{ mounts }, /^volumes cannot be mounted on this cell/],
    [{ sysctls: { 'net.core.somaxconn': '1' } }, /^sysctl net\.core\.somaxconn cannot be set on this cell/],
  ] as const) {
    t.match(await runtime.create(containerSpec(more)), { ok: false, reason });
  }
});
