import t from 'tap';
import {
  configError,
  defineConfig,
  DURATION,
  formatProblem,
  MEGABYTES,
  PORT,
  toMegabytes,
  toMs,
} from '../../../common/runtime/config.js';

interface Full {
  cellId: string;
  zone: string;
  heartbeat: string | number;
  memory: string;
  http: { host: string; port: number };
  tags: string[];
  mode: 'a' | 'b';
  tls?: { key: string };
}

const config = defineConfig({
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['cellId'],
    properties: {
      cellId: { type: 'string', minLength: 1 },
      zone: { type: 'string' },
      heartbeat: DURATION,
      memory: MEGABYTES,
      http: {
        type: 'object',
        additionalProperties: false,
        properties: { host: { type: 'string' }, port: PORT },
      },
      tags: { type: 'array', items: { type: 'string' } },
      mode: { enum: ['a', 'b'] },
      tls: {
        type: 'object',
        additionalProperties: false,
        required: ['key'],
        properties: { key: { type: 'string' } },
      },
    },
  },
  defaults: {
    zone: 'z1',
    heartbeat: '10s',
    memory: '1G',
    http: { host: '127.0.0.1', port: 1800 },
    tags: ['default'],
    mode: 'a',
  },
  compile: (full: Full, report) => {
    if (full.mode === 'b' && full.zone === 'z1') report('zone', 'must be set with mode b');
    return {
      cellId: full.cellId,
      heartbeatMs: toMs(full.heartbeat),
      memoryMb: toMegabytes(full.memory),
      address: `${full.http.host}:${full.http.port}`,
      tags: full.tags,
      secure: full.tls !== undefined,
    };
  },
});

t.test('config - defaults fill what is not given, at every depth, and units are resolved', async (t) => {
  t.same(config.parse({ cellId: 'a' }, 'x'), {
    ok: true,
    value: {
      cellId: 'a',
      heartbeatMs: 10_000,
      memoryMb: 1024,
      address: '127.0.0.1:1800',
      tags: ['default'],
      secure: false,
    },
  });
  const given = {
    cellId: 'b',
    heartbeat: 250,
    memory: '64M',
    http: { port: 0 },
    tags: [],
    tls: { key: 'k' },
  };
  t.same(config.parse(given, 'x'), {
    ok: true,
    value: { cellId: 'b', heartbeatMs: 250, memoryMb: 64, address: '127.0.0.1:0', tags: [], secure: true },
  });
  t.same(Object.keys(given.http), ['port'], 'what was given is left alone');
});

const problems = (raw: unknown): string[] => {
  const result = config.parse(raw, 'cell.yml');
  return result.ok ? [] : result.error.map(formatProblem);
};

t.test('config - a problem names source, field, what is wrong, and the key that was meant', async (t) => {
  const base = { cellId: 'a' };
  const cases: [unknown, string[]][] = [
    [undefined, ['cell.yml: cellId: is missing']],
    [null, ['cell.yml: cellId: is missing']],
    [[], ['cell.yml: must be object']],
    ['text', ['cell.yml: must be object']],
    [{ ...base, zoen: 'z' }, ['cell.yml: zoen: unknown key; did you mean "zone"?']],
    [{ ...base, unrelated: 1 }, ['cell.yml: unrelated: unknown key']],
    [{ ...base, http: { prot: 1 } }, ['cell.yml: http.prot: unknown key; did you mean "port"?']],
    [{ ...base, http: 8080 }, ['cell.yml: http: must be object']],
    [{ ...base, http: { port: 70_000 } }, ['cell.yml: http.port: must be <= 65535']],
    [{ ...base, tags: ['x', 3] }, ['cell.yml: tags[1]: must be string']],
    [{ ...base, mode: 'c' }, ['cell.yml: mode: must be one of a, b']],
    [{ ...base, zone: null }, ['cell.yml: zone: must be string']],
    [{ ...base, tls: {} }, ['cell.yml: tls.key: is missing']],
    [{ ...base, mode: 'b' }, ['cell.yml: zone: must be set with mode b']],
    [{ ...base, memory: '12' }, ['cell.yml: memory: must be a size with a unit, such as 64M or 1G']],
  ];
  for (const [raw, expected] of cases) t.same(problems(raw), expected, JSON.stringify(raw));
  t.match(problems({ ...base, heartbeat: 'soon' }), [/^cell\.yml: heartbeat: must be a duration/]);
});

t.test('config - all problems are found at once, and end as one error with a code', async (t) => {
  const result = config.parse({ zone: 1, mode: 'x' }, 'cell.yml');
  if (result.ok) return t.fail('accepted');
  t.equal(result.error.length, 3);
  t.match(configError(result.error), { code: 'CONFIG_INVALID', message: /cell\.yml: .* \(and 2 more\)$/ });
});
