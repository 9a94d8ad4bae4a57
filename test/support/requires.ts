import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type t from 'tap';

export type Requirement = 'nats' | 'docker' | 'clocks' | 'mounts';

export interface Availability {
  available: boolean;
  /** why not; '' when available */
  reason: string;
}

/** Where `program` is, as a shell would find it. */
export const onPath = (program: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '')
    .map((dir) => join(dir, program))
    .find((file) => existsSync(file));

/** Suites start an engine of their own: whether it comes up is only known when it does. */
const engineProgram = (): boolean =>
  process.getuid?.() === 0 && ['dockerd', 'ip'].every((program) => onPath(program) !== undefined);

/** Whether this process may have a view of its own of the file system, as root in most containers may not. */
const mayUnshare = (): boolean => spawnSync('unshare', ['--mount', 'true']).status === 0;

interface Check {
  check: () => boolean;
  reason: string;
}

/** Whether this process may put a small file system of its own somewhere, to fill it. */
const mayMount = (): boolean => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir]).status === 0;
  if (mounted) spawnSync('umount', [dir]);
  rmdirSync(dir);
  return mounted;
};

const CHECKS: Record<Requirement, Check> = {
  nats: { check: () => onPath('nats-server') !== undefined, reason: 'nats-server is not on PATH' },
  docker: {
    check: engineProgram,
    reason: "a Docker engine takes dockerd and ip on PATH (Debian's docker.io and iproute2), and root",
  },
  mounts: { check: mayMount, reason: 'a small file system to fill takes root that may mount tmpfs' },
  clocks: {
    check: () =>
      ['nats-server', 'faketime', 'unshare'].every((program) => onPath(program) !== undefined) &&
      mayUnshare(),
    reason: 'clocks that differ take nats-server, faketime and unshare on PATH, and root that may mount',
  },
};

/** Whether `OUTCRY_REQUIRE` (names, separated by commas) asks that this suite is not skipped. */
export const isRequired = (name: Requirement): boolean =>
  (process.env['OUTCRY_REQUIRE'] ?? '').split(',').some((part) => part.trim() === name);

export const suiteAvailable = (name: Requirement): Availability => {
  const { check, reason } = CHECKS[name];
  return check() ? { available: true, reason: '' } : { available: false, reason };
};

/**
 * Runs `suite` where what it needs is there; otherwise counts as one skip with the reason, or as one
 * failure where `OUTCRY_REQUIRE` names it.
 */
export const requireSuite = (tap: typeof t, name: Requirement, suite: () => void): void => {
  const { available, reason } = suiteAvailable(name);
  if (available) suite();
  else if (isRequired(name)) tap.fail(`${name} suite: ${reason}, and OUTCRY_REQUIRE names it`);
  else tap.pass(`${name} suite`, { skip: `${name} suite: ${reason}` });
};
