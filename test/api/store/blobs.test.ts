import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { createBlobStore } from '../../../api/store/blobs.js';

t.test(
  'blobs - one that cannot get its name leaves no file, and no pin that keeps it from sweeps',
  async (t) => {
    const dir = t.testdir();
    const blobs = createBlobStore(dir);
    await blobs.start();
    const blob = await blobs.receive(Readable.from([Buffer.from('bits')]), 'upload');
    await mkdir(blobs.path(blob.sha256));
    await t.rejects(blobs.keep(blob));
    t.same(await readdir(join(dir, 'tmp')), []);
    await rmdir(blobs.path(blob.sha256));
    await writeFile(blobs.path(blob.sha256), 'bits');
    t.equal(await blobs.sweep(() => new Set()), 1);
  },
);
