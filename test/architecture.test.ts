import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import t from 'tap';
import { packageRoot } from '../common/runtime/package-root.js';

const root = packageRoot();
const COMPONENTS = ['bbs', 'auctioneer', 'cell-rep', 'mesos-bridge', 'router', 'api', 'cli', 'dashboard'];
const SOURCES = ['common', ...COMPONENTS, 'bench'];

interface Import {
  /** file that imports, relative to the project */
  from: string;
  /** package name, `node:…`, or path relative to the project */
  to: string;
  isPackage: boolean;
}

const filesBelow = (folder: string): string[] => {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  } catch {
    return [];
  }
};

const SPECIFIER =
  /(?:^|[\s;}])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|[^\w.])import\s*\(?\s*['"]([^'"]+)['"]/gm;

const importsOf = (file: string): Import[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(SPECIFIER)].map((match) => {
    const specifier = match[1] ?? match[2] ?? '';
    if (!specifier.startsWith('.')) return { from: file, to: specifier, isPackage: true };
    const target = relative(root, resolve(root, dirname(file), specifier)).replace(/\.js$/, '.ts');
    return { from: file, to: target, isPackage: false };
  });

const sources = SOURCES.flatMap(filesBelow);
const imports = sources.flatMap(importsOf);
const folderOf = (file: string): string => file.split('/')[0] ?? '';
const shown = (list: Import[]): string[] => list.map(({ from, to }) => `${from} → ${to}`);

const isPure = (file: string): boolean => /(^|\/)core\//.test(file) || file.startsWith('common/model/');

const pureHome = (file: string): string =>
  file.startsWith('common/model/')
    ? 'common/model/'
    : file.slice(0, file.indexOf('/core/') + '/core/'.length);

t.test('architecture - the walk sees the sources', async (t) => {
  t.ok(sources.length > 20);
  t.ok(imports.some(({ to }) => to === 'common/model/result.ts'));
  t.ok(imports.some(({ to, isPackage }) => isPackage && to === 'node:fs'));
});

t.test('architecture - core and model import only the model and their own folder', async (t) => {
  const wrong = imports.filter(
    ({ from, to, isPackage }) =>
      isPure(from) && (isPackage || !(to.startsWith('common/model/') || to.startsWith(pureHome(from)))),
  );
  t.same(shown(wrong), []);
});

const MAY_KNOW: Record<string, string[]> = {
  common: [],
  bbs: [],
  router: [],
  auctioneer: ['cell-rep', 'bbs'],
  'cell-rep': ['bbs'],
  'mesos-bridge': ['bbs'],
  api: ['bbs', 'auctioneer', 'cell-rep', 'mesos-bridge', 'router'],
  cli: [],
  dashboard: [],
};
/** Files that put a whole process together from components' assemble.ts. */
const DOORS = ['assemble.ts', 'config.ts', 'index.ts'];
const ASSEMBLERS = ['cli/all-in-one/main.ts', 'cli/processes/up.ts', 'mesos-bridge/executor/main.ts'];

/** The command line's own mains build adapters, as every main does; its other files know the model at most. */
const isCliMain = (file: string): boolean =>
  file === 'cli/main.ts' || file.startsWith('cli/all-in-one/') || file.startsWith('cli/processes/');

/** The one table of components' mains: how `outcry bbs` and its like start them. */
const isStart = ({ from, to }: Import): boolean =>
  from === 'cli/processes/components.ts' &&
  /^([\w-]+|mesos-bridge\/executor)\/(main|supervise)\.ts$/.test(to);

/** The pure table of who may say what on the bus: what `outcry nats-config` writes must be what components keep to. */
const isNatsRoles = ({ from, to }: Import): boolean =>
  from.startsWith('cli/nats/') && to === 'common/wire/nats-roles.ts';

/** `outcry stack` makes an image in the engine itself: no component runs that it could ask. */
const isStackDoor = ({ from, to }: Import): boolean =>
  from === 'cli/commands/stack.ts' && to === 'cell-rep/stack.ts';

/** `outcry bbs dump` and `restore` look after what a board keeps, whether its BBS runs or not: no API could. */
const isBackupDoor = ({ from, to }: Import): boolean => from === 'cli/bbs/place.ts' && to === 'bbs/backup.ts';

/** `outcry mesos simulate` runs a Mesos that is no component of ours: no API could. */
const isSimulatorDoor = ({ from, to }: Import): boolean =>
  to === 'mesos-bridge/simulate.ts' && (from === 'cli/mesos/simulate.ts' || isCliMain(from));

const crossing = imports.filter(
  ({ from, to, isPackage }) => !isPackage && folderOf(from) !== folderOf(to) && folderOf(from) !== 'bench',
);

const allowedCrossing = (one: Import): boolean => {
  const { from, to } = one;
  const [home, target] = [folderOf(from), folderOf(to)];
  if (target === 'common')
    return home !== 'cli' || to.startsWith('common/model/') || isCliMain(from) || isNatsRoles(one);
  if (ASSEMBLERS.includes(from) && DOORS.some((door) => to === `${target}/${door}`)) return true;
  if (isStackDoor(one) || isBackupDoor(one) || isSimulatorDoor(one)) return true;
  if (isStart(one)) return true;
  if (home === 'cli') return to === 'auctioneer/index.ts' && from === 'cli/auction/run.ts';
  return to === `${target}/index.ts` && (MAY_KNOW[home] ?? []).includes(target);
};

t.test(
  'architecture - components know each other only through index.ts, and only in the allowed direction',
  async (t) => {
    t.same(shown(crossing.filter((one) => !allowedCrossing(one))), []);
  },
);

t.test('architecture - nothing outside test imports test', async (t) => {
  t.same(shown(imports.filter(({ from, to }) => to.startsWith('test/') && !from.startsWith('bench/'))), []);
});

const WALLS: { packages: RegExp; homes: RegExp }[] = [
  { packages: /^(nats|pino|prom-client)$/, homes: /^common\/adapters\// },
  { packages: /^(libsql|pg|better-sqlite3)$/, homes: /^common\/store\// },
  { packages: /^dockerode$/, homes: /^cell-rep\/runtimes\// },
  { packages: /^(fastify|@fastify\/.*)$/, homes: /\/handlers\/|^common\/runtime\// },
  { packages: /^protobufjs(\/.*)?$/, homes: /^common\/wire\/|^mesos-bridge\/protocol\// },
  { packages: /^tap$/, homes: /^test\// },
];

t.test('architecture - packages stay behind their walls', async (t) => {
  for (const { packages, homes } of WALLS) {
    const wrong = imports.filter(
      ({ from, to, isPackage }) => isPackage && packages.test(to) && !homes.test(from),
    );
    t.same(shown(wrong), [], String(packages));
  }
});

t.test('architecture - every package used is declared, and every declared one is used', async (t) => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const used = new Set(
    imports
      .filter(({ to, isPackage }) => isPackage && !to.startsWith('node:'))
      .map(({ to }) =>
        to
          .split('/')
          .slice(0, to.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
  );
  const declared = Object.keys(manifest.dependencies).filter(
    (name) => !name.startsWith('@types/') && name !== 'typescript',
  );
  t.same(
    [...used].filter((name) => !declared.includes(name)),
    [],
    'used but not declared',
  );
  t.same(
    declared.filter((name) => !used.has(name)),
    [],
    'declared but not used',
  );
});

const AMBIENT =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|(?<![.\w])(?:setTimeout|setInterval|setImmediate)\s*\(|node:timers|\bperformance\.now\b|process\.hrtime/;

t.test('architecture - time and chance come from the ports', async (t) => {
  const wrong = sources
    .filter((file) => !file.startsWith('common/adapters/') && folderOf(file) !== 'bench')
    .flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, at) =>
          AMBIENT.test(line.replace(/\/\/.*|^\s*\*.*/, '')) ? [`${file}:${at + 1}`] : [],
        ),
    );
  t.same(wrong, []);
});

t.test('architecture - nothing is exported wholesale or by default', async (t) => {
  const wrong = sources.filter((file) =>
    /^export (\*|default)/m.test(readFileSync(join(root, file), 'utf8')),
  );
  t.same(wrong, []);
});

t.test('architecture - every component has its doors', async (t) => {
  for (const component of ['bbs', 'auctioneer', 'cell-rep', 'mesos-bridge', 'router', 'api']) {
    const names = readdirSync(join(root, component));
    for (const door of ['index.ts', 'config.ts', 'assemble.ts', 'main.ts', 'metrics.ts', 'README.md']) {
      t.ok(names.includes(door), `${component}/${door}`);
    }
  }
});
