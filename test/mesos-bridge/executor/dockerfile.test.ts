import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../../common/runtime/package-root.js';

/** Instructions with their arguments, in order. */
const instructions = (): [string, string][] =>
  readFileSync(join(packageRoot(), 'mesos-bridge/executor/Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]);

const HOME = '/opt/outcry/';
/** what the base has */
const BASE = ['node', 'perl'];

t.test('dockerfile - takes its base as it is given, and runs a program that is there', async (t) => {
  const all = instructions();
  t.same(all.slice(0, 2), [
    ['ARG', 'BASE'],
    ['FROM', '${BASE}'],
  ]);
  t.same(
    all.map(([name]) => name),
    ['ARG', 'FROM', 'COPY', 'RUN', 'RUN', 'RUN', 'ENTRYPOINT'],
    'nothing is fetched',
  );
  for (const [, text] of all.filter(([name]) => name === 'RUN' || name === 'ENTRYPOINT')) {
    const [program = ''] = JSON.parse(text) as string[];
    if (BASE.includes(program)) continue;
    t.ok(program.startsWith(HOME), program);
    const path = join(packageRoot(), program.slice(HOME.length));
    t.ok(existsSync(path), path);
    t.doesNotThrow(() => accessSync(path, constants.X_OK));
  }
  t.same(JSON.parse(all.at(-1)?.[1] ?? '[]').slice(1), ['cell', '--mesos']);
});
