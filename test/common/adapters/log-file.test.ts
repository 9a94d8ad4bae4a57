import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openLogFile } from '../../../common/adapters/log-file.js';
import { createPinoLogger } from '../../../common/adapters/pino-logger.js';

t.test('log file - stays bounded, and what it held before is kept once', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-log-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'a.log');
  const file = openLogFile({ path, maxBytes: 8 });
  for (const line of ['1234567890\n', 'second\n']) file.write(line);
  file.close();
  file.write('after\n');
  t.equal(readFileSync(`${path}.1`, 'utf8'), '1234567890\n');
  t.equal(readFileSync(path, 'utf8'), 'second\n');
  t.end();
});

t.test(
  'log file - a full disk loses lines and breaks nobody who logs',
  { skip: !existsSync('/dev/full') && 'no /dev/full' },
  (t) => {
    const logger = createPinoLogger({
      level: 'info',
      destination: openLogFile({ path: '/dev/full', maxBytes: 1024 }),
    });
    t.doesNotThrow(() => logger.info('something-happened'));
    t.end();
  },
);

t.test('log file - goes on in the old file when it cannot be put aside', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-log-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = openLogFile({ path: join(dir, 'a.log'), maxBytes: 1 });
  file.write('first\n');
  rmSync(dir, { recursive: true });
  t.doesNotThrow(() => file.write('second\n'));
  t.doesNotThrow(() => file.write('third\n'));
  t.doesNotThrow(() => file.close());
  t.end();
});
