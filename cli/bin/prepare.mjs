// Installs and builds what is missing, with progress shown. Plain JavaScript: it runs before anything is built.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alone } from './alone.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const SOURCE_FOLDERS = [
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
const OLDEST_NODE = [20, 19];
/** of what a failed step has printed */
const SHOWN_LINES = 20;

const say = (text) => process.stderr.write(`${text}\n`);

const fail = (text) => {
  say(text);
  process.exit(1);
};

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(`outcry: Node.js ${process.versions.node} is too old: install ${OLDEST_NODE.join('.')} or newer`);
};

const step = (label, command, args) => {
  const began = process.hrtime.bigint();
  process.stderr.write(`${label} … `);
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const seconds = (Number(process.hrtime.bigint() - began) / 1e9).toFixed(1);
  say(result.status === 0 ? `done in ${seconds} s` : 'failed');
  if (result.status === 0) return;
  const lines = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n');
  say(lines.slice(0, SHOWN_LINES).join('\n'));
  fail(
    `outcry: '${[command, ...args].join(' ')}' failed (${result.error?.message ?? `status ${result.status}`}): see above`,
  );
};

const hash = (text) => createHash('sha256').update(text).digest('hex');

const stampOf = (name) => {
  const file = join(root, 'node_modules', '.outcry', name);
  return {
    read: () => (existsSync(file) ? readFileSync(file, 'utf8') : ''),
    write: (text) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    },
  };
};

const complete = (name) => existsSync(join(root, 'node_modules', name, 'package.json'));

const installState = (withTests) => {
  const lock = hash(readFileSync(join(root, 'package-lock.json')));
  // whoever has the packages for development keeps them
  const wanted = withTests || complete('tap') ? 'all' : 'run';
  const [have = '', extent] = stampOf('installed').read().split(' ');
  return { lock, wanted, have, isDone: have === lock && (extent === 'all' || extent === wanted) };
};

const isInstalled = (withTests) => installState(withTests).isDone;

const install = (withTests) => {
  const { lock, wanted, have, isDone } = installState(withTests);
  if (isDone) return;
  const byHand =
    have === '' && complete('fastify') && complete('typescript') && (!withTests || complete('tap'));
  if (!byHand) {
    const omit = wanted === 'all' ? [] : ['--omit=dev'];
    step('installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...omit]);
  }
  stampOf('installed').write(`${lock} ${wanted}`);
};

const newestSource = () => {
  let newest = 0;
  let names = '';
  const visit = (dir) => {
    if (!existsSync(dir)) return;
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.ts')) {
        newest = Math.max(newest, statSync(path).mtimeMs);
        names += path.slice(root.length);
      }
    }
  };
  for (const folder of SOURCE_FOLDERS) visit(join(root, folder));
  newest = Math.max(newest, statSync(join(root, 'tsconfig.json')).mtimeMs);
  return `${newest} ${hash(names)}`;
};

const sourcesNow = (withTests) => `${withTests ? 'all' : 'run'} ${newestSource()}`;

const isBuilt = (withTests) => {
  const sources = sourcesNow(withTests);
  const seen = stampOf('built').read();
  return (
    existsSync(join(root, 'dist', 'cli', 'main.js')) &&
    (seen === sources || seen === sources.replace('run', 'all'))
  );
};

const build = (withTests) => {
  if (isBuilt(withTests)) return;
  const sources = sourcesNow(withTests);
  const project = withTests ? 'tsconfig.json' : 'tsconfig.run.json';
  step('building', process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
  stampOf('built').write(sources);
};

/** @param {{tests?: boolean}} what with `tests`, what the test suites need as well */
export const prepare = ({ tests = false } = {}) => {
  checkNode();
  if (isInstalled(tests) && isBuilt(tests)) return;
  // several components may be started at once in a fresh clone: one of them prepares, the others wait for it
  alone(join(root, '.preparing'), () => {
    install(tests);
    build(tests);
  });
};
