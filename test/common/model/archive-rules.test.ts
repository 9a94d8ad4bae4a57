import fc from 'fast-check';
import { posix } from 'node:path';
import t from 'tap';
import {
  checkEntryName,
  checkLinkTarget,
  createArchiveMeter,
  entryKind,
} from '../../../common/model/archive-rules.js';

t.test('archive rules - names are cleaned or refused', (t) => {
  const clean = (name: string): string => {
    const checked = checkEntryName(name);
    return checked.ok ? checked.value : 'refused';
  };
  t.equal(clean('a/b.txt'), 'a/b.txt');
  t.equal(clean('./a//b/'), 'a/b');
  t.equal(clean('./'), '');
  t.equal(clean('..a/b..'), '..a/b..');
  for (const bad of [
    '',
    '/etc/passwd',
    '../x',
    'a/../../x',
    'a/..',
    '..\\x',
    'a\\..\\..\\x',
    '\\x',
    'C:/x',
    'a\0b',
  ]) {
    t.equal(clean(bad), 'refused', JSON.stringify(bad));
  }
  t.equal(clean('x'.repeat(256)), 'refused');
  t.equal(clean('x/'.repeat(3000)), 'refused');
  t.end();
});

t.test('archive rules - links stay inside, even by way of other links', (t) => {
  const safe = (entry: string, target: string): boolean => checkLinkTarget(entry, target).ok;
  t.ok(safe('a', 'b'));
  t.ok(safe('a/b/c', '../../d'));
  t.ok(safe('node_modules/.bin/x', '../x/cli.js'));
  t.notOk(safe('a', '..'));
  t.notOk(safe('a/b', '../../c'));
  t.notOk(safe('a', '/etc'));
  t.notOk(safe('a', 'b/../c'), 'b may be a link upwards');
  t.notOk(safe('a', ''));
  t.notOk(safe('a/b', '..\\..\\c'));
  t.end();
});

t.test('archive rules - no clean name and no accepted link leaves the root', (t) => {
  const part = fc.constantFrom('a', 'b', '..', '.', '', 'c d', '...');
  const path = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(path, path, (name, target) => {
      const checked = checkEntryName(name);
      if (!checked.ok) return true;
      const at = posix.resolve('/root', checked.value);
      if (at !== '/root' && !at.startsWith('/root/')) return false;
      if (checked.value === '' || !checkLinkTarget(checked.value, target).ok) return true;
      const to = posix.resolve(posix.dirname(at), target);
      return to === '/root' || to.startsWith('/root/');
    }),
  );
  t.end();
});

t.test('archive rules - bombs are noticed while they unpack', (t) => {
  const limits = { maxEntries: 2, maxTotalBytes: 1000, maxRatio: 10, ratioFloorBytes: 100 };
  const meter = createArchiveMeter(limits, 20);
  t.equal(meter.entry(), undefined);
  t.equal(meter.entry(), undefined);
  t.match(meter.entry(), /more than 2 entries/);
  t.equal(meter.bytes(100), undefined, 'the floor');
  t.equal(meter.bytes(100), undefined, 'ten times its size');
  t.match(meter.bytes(1), /more than 10 times/);
  t.match(createArchiveMeter(limits, 1000).bytes(1001), /more than 1000 bytes/);
  t.end();
});

t.test('archive rules - only files, directories and links', (t) => {
  t.equal(entryKind(0o100644), 'file');
  t.equal(entryKind(0o040755), 'directory');
  t.equal(entryKind(0o120777), 'symlink');
  t.equal(entryKind(0), 'file');
  for (const format of [0o010000, 0o020000, 0o060000, 0o140000])
    t.equal(entryKind(format | 0o644), undefined);
  t.end();
});
