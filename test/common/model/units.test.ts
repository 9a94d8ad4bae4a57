import t from 'tap';
import { nearest } from '../../../common/model/nearest.js';
import { parseDuration, parseMegabytes } from '../../../common/model/units.js';

t.test('durations - numbers are ms, text carries units', async (t) => {
  const good: [unknown, number][] = [
    [0, 0],
    [1500, 1500],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['0s', 0],
  ];
  for (const [value, ms] of good) t.same(parseDuration(value), { ok: true, value: ms }, String(value));
  for (const value of [-1, NaN, Infinity, '', '30', '30 s', '-1s', '1d', '1s!', 's', null, {}, true]) {
    t.match(parseDuration(value), { ok: false, error: /^must be a duration/ }, String(value));
  }
});

t.test('sizes - the units of manifests, in MB', async (t) => {
  const good: [string, number][] = [
    ['1048576B', 1],
    ['1024K', 1],
    ['2048KB', 2],
    ['512M', 512],
    ['512MB', 512],
    ['64m', 64],
    ['1G', 1024],
    ['1.5GB', 1536],
    ['2T', 2_097_152],
    ['1tb', 1_048_576],
    ['1600K', 1],
  ];
  for (const [value, megabytes] of good) t.same(parseMegabytes(value), { ok: true, value: megabytes }, value);
  for (const value of ['', '512', '512 M', '-1M', 'M', '1X', '1BB', '1MiB', 512, null, undefined]) {
    t.match(parseMegabytes(value), { ok: false, error: /with a unit/ }, String(value));
  }
  for (const value of ['0M', '1023K', '5B']) t.match(parseMegabytes(value), { error: /at least 1M/ }, value);
});

t.test('nearest - finds what was meant, and nothing for a word of its own', async (t) => {
  const known = ['memory', 'instances', 'disk_quota', 'env'];
  t.equal(nearest('memroy', known), 'memory');
  t.equal(nearest('Instances', known), 'instances');
  t.equal(nearest('disk-quota', known), 'disk_quota');
  t.equal(nearest('evn', known), 'env');
  t.equal(nearest('vne', known), undefined);
  t.equal(nearest('enf', known), 'env');
  t.equal(nearest('buildpack', known), undefined);
  t.equal(nearest('x'.repeat(10_000), known), undefined);
  t.equal(nearest('memory', []), undefined);
});
