/**
 * Whether tests that name a defect of Mesos frameworks (test/mesos-bridge/defects.md) notice when its fix is taken back:
 * each fix by itself, in a copy of the sources that is thrown away. `npm run soak:mesos-reverts`.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../common/runtime/package-root.js';

interface Revert {
  defect: string;
  what: string;
  file: string;
  fixed: string;
  reverted: string;
  test: string;
  /** in the titles of the tests that have to fail */
  names: RegExp;
}

const REVERTS: readonly Revert[] = [
  {
    defect: '#28',
    what: 'cpus are never deducted',
    file: 'mesos-bridge/core/find.ts',
    fixed: 'const rest = subtractAmounts(entry.amount, amount);',
    reverted: "const rest = entry.of.name === 'cpus' ? entry.amount : subtractAmounts(entry.amount, amount);",
    test: 'mesos-bridge/core/take',
    names: /#28\b/,
  },
  {
    defect: '#29',
    what: 'an exact fit is refused',
    file: 'mesos-bridge/core/find.ts',
    fixed: 'const some = Math.min(open, part.entry.amount.milli);',
    reverted: 'const some = Math.min(open, part.entry.amount.milli - 1);',
    test: 'mesos-bridge/core/resources',
    names: /#29\b/,
  },
  {
    defect: '#17',
    what: 'rescinded offers stay',
    file: 'mesos-bridge/core/offer-book.ts',
    fixed: "rescinded: (offerId, now) => end(offerId, { outcome: 'rescinded' }, now),",
    reverted: 'rescinded: () => undefined,',
    test: 'mesos-bridge/core/offer-book',
    names: /#17\b/,
  },
  {
    defect: '#37',
    what: 'work that is on its way is launched again',
    file: 'mesos-bridge/core/taker.ts',
    fixed: 'isUnderWay(one) ? accepted(one.placementId) : placements.outcome(one.placementId, now),',
    reverted: 'placements.outcome(one.placementId, now),',
    test: 'mesos-bridge/core/take',
    names: /#37\b/,
  },
  {
    defect: '#21',
    what: 'one task id for every attempt',
    file: 'mesos-bridge/core/task-id.ts',
    fixed: '`lrp.${attempt}.${identity.index}.${guid}` : `task.${attempt}.${guid}`',
    reverted: '`lrp.0.${identity.index}.${guid}` : `task.${attempt}.${guid}`',
    test: 'mesos-bridge/core/ids',
    names: /#21\b/,
  },
  {
    defect: '#4',
    what: 'work that is refused is told to nobody',
    file: 'mesos-bridge/executor/driver.ts',
    fixed: 'if (!read.ok) return drop(driving, held, read.error);',
    reverted: 'if (!read.ok) return;',
    test: 'mesos-bridge/executor/driver',
    names: /defect 4\b/,
  },
];

const FOLDERS = [
  'common',
  'bbs',
  'auctioneer',
  'cell-rep',
  'mesos-bridge',
  'router',
  'api',
  'cli',
  'bench',
  'test',
];
const FILES = ['package.json', 'tsconfig.json', 'dist', 'README.md', 'docs'];
/** ms that one test may take */
const PATIENCE_MS = 120_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const run = (copy: string, args: readonly string[]): string => {
  const { stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, TAP_TIMEOUT: '100', NODE_ENV: 'test' },
  });
  if (error !== undefined) throw error;
  return stdout + stderr;
};

// types are not what is asked: a fix that is gone may leave something unused
const compile = (copy: string): string =>
  run(copy, ['node_modules/typescript/bin/tsc', '-p', '.', '--noCheck']).trim();

interface Titles {
  passed: string[];
  failed: string[];
}

const test = (copy: string, { test: path, names }: Revert): Titles => {
  const output = run(copy, [`dist/test/${path}.test.js`]);
  const titles = [...output.replaceAll('\\#', '#').matchAll(/^(not )?ok \d+ - (.*?)( # time=.*)?$/gm)];
  const named = titles
    .map(([, not, title = '']) => ({ not, title }))
    .filter(({ title }) => names.test(title));
  return {
    passed: named.filter(({ not }) => not === undefined).map(({ title }) => title),
    failed: named.filter(({ not }) => not !== undefined).map(({ title }) => title),
  };
};

/** The titles that fail without the fix; a sentence when that proves nothing. */
const prove = (copy: string, revert: Revert): readonly string[] | string => {
  const before = test(copy, revert);
  if (before.failed.length > 0 || before.passed.length === 0) return 'its tests do not pass with the fix';
  const path = join(copy, revert.file);
  const source = readFileSync(path, 'utf8');
  if (source.split(revert.fixed).length !== 2) return `the fix is not found in ${revert.file}`;
  writeFileSync(
    path,
    source.replace(revert.fixed, () => revert.reverted),
  );
  const broken = compile(copy);
  const { failed } = broken === '' ? test(copy, revert) : { failed: [] };
  writeFileSync(path, source);
  if (broken !== '') return broken;
  return failed.length > 0 ? failed : 'NO TEST FAILS without the fix';
};

const copySources = (copy: string): void => {
  const root = packageRoot();
  for (const name of [...FOLDERS, ...FILES])
    cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
};

const copy = mkdtempSync(join(tmpdir(), 'outcry-reverts-'));
let unnoticed = 0;
try {
  copySources(copy);
  say('| defect | fix taken back | in | test that fails then |');
  say('| ------ | -------------- | -- | -------------------- |');
  for (const revert of REVERTS) {
    const failed = prove(copy, revert);
    compile(copy);
    if (typeof failed === 'string') unnoticed += 1;
    const shown = typeof failed === 'string' ? `!!! ${failed}` : failed.join('; ');
    say(`| ${revert.defect} | ${revert.what} | ${revert.file} | ${revert.test}: ${shown} |`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
say(`${REVERTS.length - unnoticed} of ${REVERTS.length} noticed`);
process.exitCode = unnoticed === 0 ? 0 : 1;
