import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import {
  defineConfig,
  DURATION,
  FILE_PATH,
  formatProblem,
  joinConfigs,
} from '../../../common/runtime/config.js';
import { readConfig, readTopKey } from '../../../common/runtime/config-file.js';

const server = defineConfig<
  { listen: { port: number; cert?: string }; grace: string },
  { port: number; cert?: string | undefined }
>({
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['listen'],
    properties: {
      listen: {
        type: 'object',
        additionalProperties: false,
        properties: { port: { type: 'integer' }, cert: FILE_PATH },
      },
      grace: DURATION,
    },
  },
  defaults: { grace: '1s' },
  compile: ({ listen }, report) => {
    if (listen.port === 0) report('listen.port', 'must not be 0');
    return { port: listen.port, cert: listen.cert };
  },
});

const tags = defineConfig<{ tags: string[] }, string[]>({
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: { tags: { type: 'array', items: { type: 'string' } } },
  },
  defaults: { tags: [] },
  compile: (full) => full.tags,
});

const joined = joinConfigs({ server, tags });

const read = (t: Test, text: string) => {
  const dir = t.testdir({ 'some.yml': text });
  const file = join(dir, 'some.yml');
  const result = readConfig(file, joined);
  return { dir, file, result, lines: result.ok ? [] : result.error.map(formatProblem) };
};

t.test('config file - YAML, its paths counted from the file, defaults in place', async (t) => {
  const { dir, result } = read(t, 'listen:\n  port: 8080\n  cert: tls/a.pem\ntags: [a, b]\n');
  t.same(result, {
    ok: true,
    value: { server: { port: 8080, cert: join(dir, 'tls/a.pem') }, tags: ['a', 'b'] },
  });
});

t.test('config file - JSON is read as well', async (t) => {
  t.match(read(t, '{"listen": {"port": 1}}').result, { ok: true, value: { server: { port: 1 }, tags: [] } });
});

t.test('config file - every problem is told with file, line, field and the nearest name', async (t) => {
  const { file, lines } = read(
    t,
    'listen:\n  prot: 8080\n  port: high\ngrace: soon\ntags:\n  - fine\n  - 7\ntagz: []\n',
  );
  const expected = [
    [2, 'listen.prot: unknown key; did you mean "port"?'],
    [3, 'listen.port: must be integer'],
    [7, 'tags[1]: must be string'],
    [8, 'tagz: unknown key; did you mean "tags"?'],
  ] as const;
  for (const [line, text] of expected) t.ok(lines.includes(`${file}:${line}: ${text}`), text);
  t.ok(lines.some((one) => one.startsWith(`${file}:4: grace: `)));
  t.equal(lines.length, 5);
});

t.test('config file - what no schema can say has its line too', async (t) => {
  const { file, lines } = read(t, '# a remark\nlisten:\n\n  port: 0\n');
  t.same(lines, [`${file}:4: listen.port: must not be 0`]);
});

t.test('config file - a missing key is told where it should be', async (t) => {
  const { file, lines } = read(t, 'tags: []\n');
  t.same(lines, [`${file}: listen: is missing`]);
});

t.test('config file - broken YAML, twice the same key, and an empty file', async (t) => {
  const broken = read(t, 'listen:\n  port: [1\n');
  t.match(broken.lines[0] ?? '', new RegExp(`^${broken.file}:\\d+: `));
  const twice = read(t, 'listen: {port: 1}\nlisten: {port: 2}\n');
  t.match(twice.lines[0] ?? '', new RegExp(`^${twice.file}:2: .*unique`));
  t.same(read(t, '').lines.length, 1);
});

t.test('config file - one that is not there', async (t) => {
  const dir = t.testdir({});
  t.throws(() => readConfig(join(dir, 'none.yml'), joined), {
    code: 'CONFIG_UNREADABLE',
    message: /no such file/,
  });
});

t.test('config file - whose it is can be told before it is read', async (t) => {
  const { file } = read(t, 'component: cell\nrest: 1\n');
  t.equal(readTopKey(file, 'component'), 'cell');
  t.equal(readTopKey(file, 'nothing'), undefined);
});
