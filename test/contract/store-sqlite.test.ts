import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createSqliteEngine } from '../../common/store/sqlite-engine.js';
import { storeContract } from './store.js';

const dir = mkdtempSync(join(tmpdir(), 'outcry-store-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

storeContract('SQLite', {
  takesOver: false,
  engine: (place) => createSqliteEngine({ dir: join(dir, place) }),
});
