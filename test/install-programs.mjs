// Programs that suites, soaks and benches need besides npm packages, installed from Debian's where that can be done.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that suites need, and the Debian package that brings each. */
const PROGRAMS = [
  { program: 'nats-server', debianPackage: 'nats-server', suite: 'nats' },
  { program: 'openssl', debianPackage: 'openssl', suite: 'nats' },
  { program: 'dockerd', debianPackage: 'docker.io', suite: 'docker' },
  { program: 'ip', debianPackage: 'iproute2', suite: 'docker' },
  { program: 'mkfs.btrfs', debianPackage: 'btrfs-progs', suite: 'docker' },
  { program: 'faketime', debianPackage: 'faketime', suite: 'clocks' },
];

/** Debian's packages ask it before they start a service. */
const POLICY = '/usr/sbin/policy-rc.d';
const FORBIDDEN = 101;

const say = (text) => process.stdout.write(`${text}\n`);

const onPath = (program) =>
  (process.env.PATH ?? '').split(':').some((dir) => dir !== '' && existsSync(join(dir, program)));

const installable = () => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

const apt = (...args) =>
  spawnSync('apt-get', ['-qq', '-y', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

/** Suites start servers of their own: what a package would start by itself is only in the way. */
const withoutServices = (install) => {
  if (existsSync(POLICY)) return install(); // somebody's own rules
  writeFileSync(POLICY, `#!/bin/sh\nexit ${FORBIDDEN}\n`, { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(POLICY, { force: true });
  }
};

export const installPrograms = () => {
  const missing = PROGRAMS.filter(({ program }) => !onPath(program));
  if (missing.length === 0 || !installable()) return;
  const names = missing.map(({ debianPackage }) => debianPackage);
  say(`installing ${names.join(', ')} from Debian's packages`);
  const install = () => withoutServices(() => apt('install', '--no-install-recommends', ...names));
  let result = install();
  if (result.status !== 0) {
    apt('update');
    result = install();
  }
  if (result.status !== 0)
    say(`could not install ${names.join(', ')}: ${result.stderr.trim().split('\n').pop()}`);
};
