import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { renderTypes, TYPES_DIR } from '../../support/mesos-types.js';

t.test('mesos messages - the types are what the .proto files say', async (t) => {
  const sources = await renderTypes();
  // after a change of a .proto file: UPDATE_DOCS=1 npm test -- protocol/messages
  if (process.env['UPDATE_DOCS'] === '1') {
    rmSync(TYPES_DIR, { recursive: true, force: true });
    mkdirSync(TYPES_DIR, { recursive: true });
    for (const [file, source] of sources) writeFileSync(join(TYPES_DIR, file), source);
  }
  t.same(readdirSync(TYPES_DIR).sort(), [...sources.keys()].sort());
  for (const [file, source] of sources) t.equal(readFileSync(join(TYPES_DIR, file), 'utf8'), source, file);
});
