import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { detect } from '../../common/model/detect.js';

const found = (files: Record<string, string>) => {
  const { Procfile: procfile, 'package.json': packageJson } = files;
  return detect({
    has: (path) => Object.hasOwn(files, path),
    ...(procfile === undefined ? {} : { procfile }),
    ...(packageJson === undefined ? {} : { packageJson }),
  });
};

const pack = (value: object): Record<string, string> => ({ 'package.json': JSON.stringify(value) });

t.test('detection - Procfile, then the start script, then main, then server.js', async (t) => {
  const all = { Procfile: 'web: ./run\n# note\nworker:  ./work it \n', ...pack({ scripts: { start: 's' } }) };
  t.same(found(all), { processTypes: { web: './run', worker: './work it' }, detectedFrom: 'Procfile' });
  t.match(found({ ...all, Procfile: 'worker: w' }), {
    processTypes: { worker: 'w', web: /\ns$/ },
    detectedFrom: 'package.json',
  });
  t.same(found({ ...pack({ main: './lib/app' }), 'lib/app.js': '' }).processTypes, {
    web: 'node lib/app.js',
  });
  t.same(found({ ...pack({ main: 'lib' }), 'lib/index.js': '' }).processTypes, { web: 'node lib/index.js' });
  t.same(found({ ...pack({ main: "it's.js" }), "it's.js": '' }).processTypes, { web: `node 'it'\\''s.js'` });
  t.same(found({ ...pack({ main: 'gone.js' }), 'server.js': '' }).processTypes, { web: 'node server.js' });
  t.same(found({ 'server.js': '' }).processTypes, { web: 'node server.js' });
  t.same(found({ 'index.html': '' }), { processTypes: {}, detectedFrom: '' });
  for (const broken of ['{', 'null', '[]', '{"scripts":5}', '{"scripts":{"start":5}}', '']) {
    t.same(found({ 'package.json': broken }).processTypes, {}, broken);
  }
});

t.test('detection - the start script runs with the binaries of the package, prestart first', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-detect-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const tool = join(dir, 'node_modules/.bin/serve-it');
  await mkdir(dirname(tool), { recursive: true });
  await writeFile(tool, '#!/bin/sh\necho "serving $1"\n', { mode: 0o755 });
  const run = async (scripts: object): Promise<string> => {
    const { web = '' } = found(pack({ scripts })).processTypes;
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', web], { cwd: dir });
    return stdout;
  };
  t.equal(await run({ start: 'serve-it now && echo done' }), 'serving now\ndone\n');
  t.equal(await run({ start: 'serve-it', prestart: 'echo first' }), 'first\nserving \n');
  await t.rejects(run({ start: 'echo no', prestart: 'exit 3' }), { code: 3 });
});
